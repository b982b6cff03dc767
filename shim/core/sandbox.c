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

/* The value of "Seccomp:\t2" in the text. */
static bool has_filter(const char *text)
{
	static const char key[] = "\nSeccomp:\t";

	for (; *text; text++) {
		size_t i = 0;

		while (key[i] && text[i] == key[i])
			i++;
		if (!key[i])
			return text[i] != '0';
	}
	return false;
}

void cw_sandbox_init(void)
{
	char status[4096];

	if (cw_read_file("/proc/self/status", status, sizeof(status)) > 0)
		cw_is_sandboxed = has_filter(status);
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
