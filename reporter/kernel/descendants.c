/* SPDX-License-Identifier: MIT */
/*
 * The living descendants of a process, by /proc/PID/task/TID/children (proc(5), Linux 3.5 with
 * CONFIG_PROC_CHILDREN).  Whose parent has ended is nobody's descendant.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <stdio.h>

enum { GENERATIONS_MAX = 64 };

struct walk {
	cwr_pid_visitor *visit;
	void *context;
	int generation;
};

static void walk_children(void *context, pid_t pid, pid_t tid)
{
	struct walk *walk = context;
	char path[64];
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, tid);
	CWR_AUTO_FCLOSE FILE *children = fopen(path, "re");

	while (children && fscanf(children, "%d", &child) == 1) {
		struct walk below = {walk->visit, walk->context, walk->generation + 1};

		walk->visit(walk->context, child);
		if (below.generation < GENERATIONS_MAX)
			cwr_proc_each_thread(child, walk_children, &below);
	}
}

void cwr_proc_each_descendant(pid_t pid, cwr_pid_visitor *visit, void *context)
{
	struct walk walk = {visit, context, 0};

	cwr_proc_each_thread(pid, walk_children, &walk);
}
