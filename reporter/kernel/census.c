/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of processes; see census.h.
 */
#include "kernel/census.h"

#include "kernel/pidns.h"
#include "kernel/proc.h"
#include "model/arena.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM	1
#define uthash_nonfatal_oom(el) cwr_out_of_memory()
#include <uthash.h>

struct entry {
	struct cwr_fds fds; /* the key is fds.pid */
	UT_hash_handle hh;
};

struct cwr_census {
	struct entry *entries;
	pid_t pid; /* that was asked last, 0: none */
	int pidfd; /* and its pidfd: one at a time, for there may be more processes than we may open
		    */
};

struct cwr_census *cwr_census_new(void)
{
	struct cwr_census *census = calloc(1, sizeof(*census));

	if (!census)
		cwr_out_of_memory();
	return census;
}

static void free_entry(struct entry *entry)
{
	free(entry->fds.sockets);
	free(entry->fds.epolls);
	free(entry);
}

void cwr_census_renew(struct cwr_census *census)
{
	struct entry *entry = census->entries;

	HASH_CLEAR(hh, census->entries); /* the entries stay, and stay a list */
	while (entry) {
		struct entry *next = entry->hh.next;

		free_entry(entry);
		entry = next;
	}
}

void cwr_census_free(struct cwr_census *census)
{
	if (!census)
		return;
	cwr_census_renew(census);
	if (census->pid)
		close(census->pidfd);
	free(census);
}

/* Makes room for one more of n; the array doubles whenever n is a power of two. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array)
		cwr_out_of_memory();
	return array;
}

static void add_socket(struct cwr_fds *fds, int fd, uint64_t inode)
{
	fds->sockets = grow(fds->sockets, fds->nsockets, sizeof(*fds->sockets));
	fds->sockets[fds->nsockets++] = (struct cwr_fd){fd, inode};
}

static void add_epoll(struct cwr_fds *fds, int fd)
{
	fds->epolls = grow(fds->epolls, fds->nepolls, sizeof(*fds->epolls));
	fds->epolls[fds->nepolls++] = fd;
}

static void visit(void *context, int fd, const char *link)
{
	uint64_t inode = cwr_proc_inode_in(link);

	if (inode)
		add_socket(context, fd, inode);
	else if (!strcmp(link, "anon_inode:[eventpoll]"))
		add_epoll(context, fd);
}

static int by_number(const void *a, const void *b)
{
	const struct cwr_fd *x = a, *y = b;

	return (x->fd > y->fd) - (x->fd < y->fd);
}

/* The kernel lists them by number, but does not say that it always will. */
static void sort(struct cwr_fds *fds)
{
	for (size_t i = 1; i < fds->nsockets; i++)
		if (fds->sockets[i - 1].fd > fds->sockets[i].fd) {
			qsort(fds->sockets, fds->nsockets, sizeof(*fds->sockets), by_number);
			return;
		}
}

static void read_fds(struct cwr_fds *fds)
{
	if (!cwr_proc_each_link(fds->pid, visit, fds))
		fds->state = errno == ENOENT || errno == ESRCH ? CWR_FDS_GONE : CWR_FDS_SECRET;
	sort(fds);
}

const struct cwr_fds *cwr_census_of(struct cwr_census *census, pid_t pid)
{
	struct entry *entry;

	HASH_FIND(hh, census->entries, &pid, sizeof(pid), entry);
	if (entry)
		return &entry->fds;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		cwr_out_of_memory();
	entry->fds = (struct cwr_fds){.pid = pid};
	read_fds(&entry->fds);
	HASH_ADD(hh, census->entries, fds.pid, sizeof(pid), entry);
	return &entry->fds;
}

uint64_t cwr_fds_inode(const struct cwr_fds *fds, int fd)
{
	const struct cwr_fd key = {.fd = fd};
	const struct cwr_fd *found =
		fds->nsockets ? bsearch(&key, fds->sockets, fds->nsockets, sizeof(key), by_number)
			      : NULL;

	return found ? found->inode : 0;
}

static bool open_process(struct cwr_census *census, pid_t pid)
{
	if (census->pid == pid)
		return true;
	if (!cwr_pidns_is_proc_ours()) {
		errno = EPERM;
		return false;
	}
	if (census->pid)
		close(census->pidfd);
	census->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	census->pid = census->pidfd < 0 ? 0 : pid;
	return census->pid;
}

enum cwr_answer cwr_census_ask(struct cwr_census *census, pid_t pid, int fd, uint64_t cookie,
			       int *ret_copy)
{
	int copy = open_process(census, pid) ? (int)syscall(SYS_pidfd_getfd, census->pidfd, fd, 0)
					     : -1;
	uint64_t its = 0;
	socklen_t size = sizeof(its);
	bool is_same;

	if (ret_copy)
		*ret_copy = -1;
	if (copy < 0)
		return errno == EBADF ? CWR_IS_OTHER : CWR_IS_SECRET;
	is_same = !getsockopt(copy, SOL_SOCKET, SO_COOKIE, &its, &size) && its == cookie;
	if (is_same && ret_copy)
		*ret_copy = copy;
	else
		close(copy);
	return is_same ? CWR_IS_SAME : CWR_IS_OTHER;
}
