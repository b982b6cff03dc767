/* SPDX-License-Identifier: MIT */
/*
 * Mapped sessions; see mapped.h.  /proc/PID/maps (proc(5)) names files as they were when mapped: a
 * path is only taken if the file there still has that inode number.
 */
#include "kernel/mapped.h"

#include "model/arena.h"
#include "util/cleanup.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_file(const char *path, uint64_t inode)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_ino == inode && S_ISREG(st.st_mode);
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length > end && !strcmp(text + length - end, suffix);
}

/* Seen from here, else as the process itself sees it: it may be in another mount namespace. */
static void visit_file(pid_t pid, const char *path, uint64_t inode, cwr_mapped_visitor *visit,
		       void *context)
{
	CWR_AUTO_FREE char *theirs = NULL;

	if (is_file(path, inode)) {
		visit(context, pid, path);
		return;
	}
	if (asprintf(&theirs, "/proc/%d/root%s", pid, path) < 0)
		cwr_out_of_memory();
	if (is_file(theirs, inode))
		visit(context, pid, theirs);
}

void cwr_proc_each_mapped(pid_t pid, const char *suffix, cwr_mapped_visitor *visit, void *context)
{
	char name[64];
	CWR_AUTO_FREE char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "re");
	while (maps && (n = getline(&line, &size, maps)) > 0) {
		uint64_t inode;
		int at = 0;

		line[n - 1] = 0;
		/* start-end perms offset device inode path */
		if (sscanf(line, "%*s %*s %*s %*s %" SCNu64 " %n", &inode, &at) == 1 && at &&
		    line[at] == '/' && ends_with(line + at, suffix))
			visit_file(pid, line + at, inode, visit, context);
	}
	if (maps)
		fclose(maps);
}
