/* SPDX-License-Identifier: MIT */
/*
 * Small questions to /proc; see proc.h.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

ssize_t cwr_proc_read_text(char *text, size_t size, pid_t pid, const char *name)
{
	char path[64];
	ssize_t n, done = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	CWR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((n = read(fd, text + done, size - 1 - (size_t)done)) > 0)
		done += n;
	text[done] = 0;
	return n < 0 ? -1 : done;
}

bool cwr_proc_stat(pid_t pid, struct cwr_proc_stat *ret_stat)
{
	char text[1024];
	const char *rest;

	if (cwr_proc_read_text(text, sizeof(text), pid, "stat") <= 0)
		return false;
	/* The second field is the name in parentheses, which may itself hold any character. */
	rest = strrchr(text, ')');
	return rest && sscanf(rest + 1,
			      " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
			      " %*d %*d %" SCNu64,
			      &ret_stat->state, &ret_stat->ppid, &ret_stat->start_ticks) == 3;
}

const char *cwr_proc_exe(struct cwr_model *model, pid_t pid)
{
	char path[64], exe[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	return n > 0 ? cwr_model_printf(model, "%.*s", (int)n, exe) : NULL;
}

char **cwr_proc_cmdline(struct cwr_model *model, pid_t pid)
{
	char text[4096];
	ssize_t size = cwr_proc_read_text(text, sizeof(text), pid, "cmdline");
	size_t n = 0;
	char **arguments;

	if (size <= 0)
		return NULL;
	for (const char *at = text; at < text + size; at += strlen(at) + 1)
		n++;
	arguments = cwr_model_alloc(model, (n + 1) * sizeof(*arguments));
	n = 0;
	for (const char *at = text; at < text + size; at += strlen(at) + 1)
		arguments[n++] = cwr_model_strdup(model, at);
	return arguments;
}

/* Numbers in /proc are positive; -1 for any other name. */
static long number(const char *name)
{
	char *end;
	long value = strtol(name, &end, 10);

	return *name >= '0' && *name <= '9' && !*end && value <= INT_MAX ? value : -1;
}

uint64_t cwr_proc_inode_in(const char *link)
{
	static const char beginning[] = "socket:[";
	char *end;
	uint64_t inode;

	if (strncmp(link, beginning, strlen(beginning)) != 0)
		return 0;
	inode = strtoull(link + strlen(beginning), &end, 10);
	return *end == ']' ? inode : 0;
}

bool cwr_proc_each_link(pid_t pid, cwr_link_visitor *visit, void *context)
{
	char path[64], link[64];
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		long fd = number(entry->d_name);
		ssize_t n =
			fd < 0 ? -1 : readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = 0;
		visit(context, (int)fd, link);
	}
	return true;
}

void cwr_proc_each_pid(cwr_pid_visitor *visit, void *context)
{
	CWR_AUTO_CLOSEDIR DIR *dir = opendir("/proc");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (number(entry->d_name) > 0)
			visit(context, (pid_t)number(entry->d_name));
}

void cwr_proc_each_thread(pid_t pid, cwr_thread_visitor *visit, void *context)
{
	char path[64];
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir)))
		if (number(entry->d_name) > 0)
			visit(context, pid, (pid_t)number(entry->d_name));
}

int cwr_proc_open_fdinfo(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cwr_proc_cloexec(int fdinfo, int fd)
{
	char name[16], text[256];
	const char *flags;
	ssize_t n;

	snprintf(name, sizeof(name), "%d", fd);
	CWR_AUTO_CLOSE int file = openat(fdinfo, name, O_RDONLY | O_CLOEXEC);

	n = file >= 0 ? read(file, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return -1;
	text[n] = 0;
	flags = strstr(text, "flags:");
	return flags ? !!(strtoul(flags + strlen("flags:"), NULL, 8) & O_CLOEXEC) : -1;
}

uint64_t cwr_proc_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* Ticks count the time that the machine slept, CLOCK_MONOTONIC does not. */
uint64_t cwr_proc_ticks_to_monotonic(uint64_t ticks)
{
	const uint64_t awake = cwr_proc_now(CLOCK_MONOTONIC);
	const uint64_t slept = cwr_proc_now(CLOCK_BOOTTIME) - awake;
	const uint64_t boot = ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));

	return boot > slept ? boot - slept : 0;
}

uint64_t cwr_proc_count_fds(pid_t pid)
{
	char path[64];
	uint64_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);

	while (dir && readdir(dir))
		n++;
	return n > 2 ? n - 2 : 0; /* without . and .. */
}

uint64_t cwr_proc_fd_limit(pid_t pid)
{
	static const char key[] = "Max open files";
	char text[4096];
	const char *line;

	if (cwr_proc_read_text(text, sizeof(text), pid, "limits") <= 0)
		return 0;
	line = strstr(text, key);
	return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}
