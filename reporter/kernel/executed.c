/* SPDX-License-Identifier: MIT */
/*
 * How a process was executed, and what it does past libc (proc(5)): questions of `cwshim doctor`.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

int cwr_proc_is_secure(pid_t pid)
{
	uint64_t entry[2]; /* Elf64_auxv_t: type, value */
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	CWR_AUTO_FCLOSE FILE *vector = fopen(path, "re");

	while (vector && fread(entry, sizeof(entry), 1, vector) == 1)
		if (entry[0] == AT_SECURE)
			return entry[1] != 0;
	return -1;
}

/* The target of a link in /proc; false if it may not be read. */
static bool is_ring(const char *directory, const char *name)
{
	char path[512], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = 0;
	return !strcmp(target, "anon_inode:[io_uring]");
}

bool cwr_proc_has_ring(pid_t pid)
{
	const struct dirent *entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	CWR_AUTO_CLOSEDIR DIR *fds = opendir(path);

	while (fds && (entry = readdir(fds)))
		if (is_ring(path, entry->d_name))
			return true;
	return false;
}
