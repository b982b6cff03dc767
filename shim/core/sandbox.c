/* SPDX-License-Identifier: MIT */
/*
 * Knows whether a seccomp filter is on.  A filter on one thread counts for all: which thread runs a
 * piece of the shim is not ours to choose.
 */
#include "core/sandbox.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "core/text.h"

#include "core/poison.h"

bool cw_is_sandboxed;

static void (*on_enter)(void);
static void (*on_leave)(void);

void cw_sandbox_on_change(void (*enter)(void), void (*leave)(void))
{
	on_enter = enter;
	on_leave = leave;
}

/* The number after the key, which starts with a newline and ends with a tab; 0: it is not there. */
static uint64_t field(const char *text, const char *key)
{
	const char *end;

	for (; *text; text++) {
		size_t i = 0;

		while (key[i] && text[i] == key[i])
			i++;
		if (!key[i])
			return cw_scan_uint(text + i, &end);
	}
	return 0;
}

/* How many filters are on; 0: none, or that is not known. */
static uint64_t count_filters(const char *path)
{
	char status[4096];

	if (cw_read_file(path, status, sizeof(status)) <= 0 || !field(status, "\nSeccomp:\t"))
		return 0;
	return field(status, "\nSeccomp_filters:\t");
}

static bool is_filtered(void)
{
	char status[4096];

	return cw_read_file("/proc/self/status", status, sizeof(status)) > 0 &&
	       field(status, "\nSeccomp:\t");
}

/*
 * Container runtimes put all processes of a container, from the first on, under one filter that
 * lets ordinary programs run.  A sandbox of one program is a filter that the first one lacks.
 */
static bool is_of_container(uint64_t known)
{
	uint64_t ours = count_filters("/proc/self/status");

	return ours && (ours == known || ours == count_filters("/proc/1/status"));
}

void cw_sandbox_init(enum cw_filter manner, uint64_t known)
{
	cw_is_sandboxed = manner != CW_FILTER_TRUST && is_filtered() &&
			  (manner == CW_FILTER_AVOID || !is_of_container(known));
}

static bool enter(void)
{
	if (cw_is_sandboxed)
		return false;
	if (on_enter)
		on_enter();
	cw_is_sandboxed = true;
	return true;
}

bool cw_sandbox_before_prctl(int option, unsigned long arg)
{
	return option == PR_SET_SECCOMP && arg != SECCOMP_MODE_DISABLED && enter();
}

bool cw_sandbox_before_seccomp(unsigned int operation)
{
	return (operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER) &&
	       enter();
}

void cw_sandbox_leave(void)
{
	cw_is_sandboxed = false;
	if (on_leave)
		on_leave();
}
