/* SPDX-License-Identifier: MIT */
/*
 * Relatives by what they have mapped; see kin.h.  A child maps its own session and the one that it
 * was forked from, so processes that have a session in common are relatives.  Names of sessions are
 * unique on a machine that runs: they hold the process's number and the time of their making.
 */
#include "cmd/kin.h"

#include "cwshim/session.h"
#include "kernel/mapped.h"
#include "kernel/pidns.h"
#include "kernel/proc.h"
#include "model/arena.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one process has mapped. */
struct member {
	pid_t pid;
	struct cwr_kin mapped;
};

struct census {
	size_t n;
	struct member *members;
};

static const char *name_in(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool knows(const struct cwr_kin *kin, const char *path)
{
	for (size_t i = 0; i < kin->n; i++)
		if (!strcmp(name_in(kin->paths[i]), name_in(path)))
			return true;
	return false;
}

static void add(struct cwr_kin *kin, const char *path, bool is_first)
{
	if (knows(kin, path))
		return;
	kin->paths = realloc(kin->paths, (kin->n + 1) * sizeof(*kin->paths));
	if (!kin->paths)
		cwr_out_of_memory();
	kin->paths[kin->n++] = strdup(path);
	if (!kin->paths[kin->n - 1])
		cwr_out_of_memory();
	if (is_first && kin->n > 1) {
		char *moved = kin->paths[0];

		kin->paths[0] = kin->paths[kin->n - 1];
		kin->paths[kin->n - 1] = moved;
	}
}

static void visit_mapped(void *context, pid_t pid, const char *path)
{
	char own[32];

	snprintf(own, sizeof(own), "%d-", cwr_pidns_own_number(pid));
	add(context, path, !strncmp(name_in(path), own, strlen(own)));
}

static void visit_pid(void *context, pid_t pid)
{
	struct census *census = context;
	struct member member = {.pid = pid};

	cwr_proc_each_mapped(pid, CW_SESSION_SUFFIX, visit_mapped, &member.mapped);
	if (!member.mapped.n)
		return;
	census->members = realloc(census->members, (census->n + 1) * sizeof(*census->members));
	if (!census->members)
		cwr_out_of_memory();
	census->members[census->n++] = member;
}

static bool is_relative(const struct cwr_kin *kin, const struct member *member)
{
	for (size_t i = 0; i < member->mapped.n; i++)
		if (knows(kin, member->mapped.paths[i]))
			return true;
	return false;
}

/* Adds what relatives have mapped.  Returns true if there was anything new. */
static bool grow(struct cwr_kin *kin, const struct census *census)
{
	size_t before = kin->n;

	for (size_t i = 0; i < census->n; i++) {
		const struct member *member = &census->members[i];

		for (size_t j = 0; is_relative(kin, member) && j < member->mapped.n; j++)
			add(kin, member->mapped.paths[j], false);
	}
	return kin->n > before;
}

void cwr_kin_find(pid_t pid, struct cwr_kin *ret_kin)
{
	struct census census = {0};

	*ret_kin = (struct cwr_kin){0};
	cwr_proc_each_mapped(pid, CW_SESSION_SUFFIX, visit_mapped, ret_kin);
	if (!ret_kin->n)
		return;
	cwr_proc_each_pid(visit_pid, &census);
	while (grow(ret_kin, &census))
		;
	for (size_t i = 0; i < census.n; i++)
		cwr_kin_free(&census.members[i].mapped);
	free(census.members);
}

void cwr_kin_free(struct cwr_kin *kin)
{
	for (size_t i = 0; i < kin->n; i++)
		free(kin->paths[i]);
	free(kin->paths);
	*kin = (struct cwr_kin){0};
}
