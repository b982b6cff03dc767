/* SPDX-License-Identifier: MIT */
/*
 * Numbers of processes in other namespaces; see pidns.h.
 */
#include "kernel/pidns.h"

#include "kernel/proc.h"
#include "model/arena.h"
#include "util/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cwr_pidns_number {
	pid_t inner, outer;
};

static uint64_t inode_at(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* 0: may not be known. */
static uint64_t namespace_of(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return inode_at(path);
}

bool cwr_pidns_is_proc_ours(void)
{
	char link[32];
	ssize_t n = readlink("/proc/self", link, sizeof(link) - 1);

	link[n > 0 ? n : 0] = 0;
	return atoi(link) == getpid();
}

bool cwr_pidns_is_here(uint64_t pidns)
{
	return !pidns || (pidns == inode_at("/proc/self/ns/pid") && cwr_pidns_is_proc_ours());
}

/* The last number of NSpid; name is "status" or "task/TID/status". */
static pid_t innermost(pid_t pid, const char *name)
{
	static const char key[] = "\nNSpid:";
	char status[4096], *at, *end;
	pid_t number = 0;

	if (cwr_proc_read_text(status, sizeof(status), pid, name) <= 0)
		return 0;
	at = strstr(status, key);
	for (at = at ? at + strlen(key) : NULL; at && *at && *at != '\n'; at = end) {
		long value = strtol(at, &end, 10);

		if (end == at)
			break;
		number = (pid_t)value;
		end += strspn(end, "\t ");
	}
	return number;
}

pid_t cwr_pidns_own_number(pid_t pid)
{
	return innermost(pid, "status");
}

static bool has_started(pid_t pid, uint64_t start_ticks)
{
	struct cwr_proc_stat stat;

	return cwr_proc_stat(pid, &stat) && stat.state != 'Z' && stat.state != 'X' &&
	       stat.start_ticks == start_ticks;
}

struct search {
	pid_t inner, outer;
	uint64_t start_ticks, pidns;
};

/* Where the namespace may not be looked at, number and start must do. */
static void visit_candidate(void *context, pid_t pid)
{
	struct search *search = context;
	uint64_t pidns;

	if (search->outer || cwr_pidns_own_number(pid) != search->inner ||
	    !has_started(pid, search->start_ticks))
		return;
	pidns = namespace_of(pid);
	if (!pidns || pidns == search->pidns)
		search->outer = pid;
}

pid_t cwr_pidns_find(pid_t pid, uint64_t start_ticks, uint64_t pidns)
{
	struct search search = {.inner = pid, .start_ticks = start_ticks, .pidns = pidns};

	if (cwr_pidns_is_here(pidns))
		return has_started(pid, start_ticks) ? pid : 0;
	cwr_proc_each_pid(visit_candidate, &search);
	return search.outer;
}

static void add(struct cwr_pidns *space, pid_t inner, pid_t outer)
{
	if (!(space->n & (space->n - 1)))
		space->numbers = realloc(space->numbers,
					 (space->n ? 2 * space->n : 1) * sizeof(*space->numbers));
	if (!space->numbers)
		cwr_out_of_memory();
	space->numbers[space->n++] = (struct cwr_pidns_number){inner, outer};
}

static void add_thread(void *context, pid_t pid, pid_t tid)
{
	char name[64];
	pid_t inner;

	snprintf(name, sizeof(name), "task/%d/status", tid);
	inner = innermost(pid, name);
	if (inner)
		add(context, inner, tid);
}

static void visit_member(void *context, pid_t pid)
{
	struct cwr_pidns *space = context;

	if (namespace_of(pid) == space->pidns)
		cwr_proc_each_thread(pid, add_thread, space);
}

static int by_inner(const void *left, const void *right)
{
	const struct cwr_pidns_number *a = left, *b = right;

	return (a->inner > b->inner) - (a->inner < b->inner);
}

void cwr_pidns_read(struct cwr_pidns *ret_space, uint64_t pidns)
{
	*ret_space = (struct cwr_pidns){.pidns = pidns};
	cwr_proc_each_pid(visit_member, ret_space);
	if (ret_space->n)
		qsort(ret_space->numbers, ret_space->n, sizeof(*ret_space->numbers), by_inner);
}

void cwr_pidns_free(struct cwr_pidns *space)
{
	free(space->numbers);
	*space = (struct cwr_pidns){0};
}

pid_t cwr_pidns_translate(const struct cwr_pidns *space, pid_t inner)
{
	const struct cwr_pidns_number key = {.inner = inner};
	const struct cwr_pidns_number *found =
		space->n ? bsearch(&key, space->numbers, space->n, sizeof(key), by_inner) : NULL;

	return found ? found->outer : 0;
}
