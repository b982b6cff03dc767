/* SPDX-License-Identifier: MIT */
/*
 * What a process waits for: its epoll sets, listed in /proc/PID/fdinfo (proc(5)), and the sets of
 * threads that are in poll(2) or select(2) now, which lie in the target's memory.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { POLLED_MAX = 4096 }; /* more descriptors in one call are not looked at */

static void add_watch(struct cwr_model *model, struct cwr_process *process, struct cwr_watch watch)
{
	size_t n = process->nwatches;

	/* Doubled whenever it is full; what it was stays in the model's memory. */
	if ((n & (n - 1)) == 0) {
		struct cwr_watch *room =
			cwr_model_alloc(model, (n ? 2 * n : 1) * sizeof(*process->watches));

		if (n)
			memcpy(room, process->watches, n * sizeof(*room));
		process->watches = room;
	}
	process->watches[process->nwatches++] = watch;
}

/* How to tell, as opposed to what of. */
#define MANNERS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)
#define INPUT	(EPOLLIN | EPOLLRDNORM | EPOLLRDHUP)

/* The kernel takes all events out of a one-shot registration that has told one (ep_send_events()).
 * The events of poll(2) have the same values. */
static void set_events(struct cwr_watch *watch, uint32_t events)
{
	watch->wants_input = events & INPUT;
	watch->is_edge_triggered = events & EPOLLET;
	watch->is_disarmed = events & EPOLLONESHOT && !(events & ~(uint32_t)MANNERS);
}

static void read_epoll(struct cwr_model *model, struct cwr_process *process, int epfd)
{
	char path[64], line[256];
	struct cwr_watch watch = {.epfd = epfd};
	uint32_t events;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", process->pid, epfd);
	CWR_AUTO_FCLOSE FILE *file = fopen(path, "re");

	if (!file) {
		process->watches_known = false;
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		watch.inode = 0;
		if (sscanf(line, "tfd: %d events: %" SCNx32 " data: %*x pos:%*i ino:%" SCNx64,
			   &watch.fd, &events, &watch.inode) >= 2) {
			set_events(&watch, events);
			add_watch(model, process, watch);
		}
	}
}

static void read_epolls(struct cwr_model *model, struct cwr_process *process,
			const struct cwr_fds *fds)
{
	process->watches_known = fds->state == CWR_FDS_READ;
	for (size_t i = 0; i < fds->nepolls; i++)
		read_epoll(model, process, fds->epolls[i]);
}

static void add_waiter(struct cwr_model *model, struct cwr_process *process,
		       const struct cwr_thread *thread, int fd, uint32_t events)
{
	struct cwr_watch watch = {.epfd = -1, .tid = thread->tid, .fd = fd};

	if (fd < 0)
		return;
	set_events(&watch, events);
	add_watch(model, process, watch);
}

/* glibc's resolver polls its one socket (resolv/res_send.c, send_dg()). */
static void look_at_polled(const struct cwr_process *process, struct cwr_thread *thread,
			   const struct pollfd *polled, size_t n)
{
	thread->npolled = n;
	if (n != 1)
		return;
	thread->polled_fd = polled[0].fd;
	thread->asks_resolver = cwr_proc_is_resolver(process->pid, polled[0].fd);
}

static bool read_polled(struct cwr_model *model, struct cwr_process *process,
			struct cwr_thread *thread)
{
	size_t n = thread->args[1];
	struct pollfd *polled;

	if (n > POLLED_MAX)
		return false;
	polled = cwr_model_alloc(model, (n + 1) * sizeof(*polled));
	if (n && !cwr_proc_read_memory(process->pid, thread->args[0], polled, n * sizeof(*polled)))
		return false;
	look_at_polled(process, thread, polled, n);
	for (size_t i = 0; i < n; i++)
		add_waiter(model, process, thread, polled[i].fd, (uint16_t)polled[i].events);
	return true;
}

static bool read_selected(struct cwr_model *model, struct cwr_process *process,
			  const struct cwr_thread *thread)
{
	static const uint32_t events[] = {EPOLLIN, EPOLLOUT, EPOLLPRI};
	size_t n = thread->args[0];
	unsigned char bits[POLLED_MAX / 8];

	if (n > POLLED_MAX)
		return false;
	for (size_t set = 0; set < 3; set++) {
		uint64_t address = thread->args[1 + set];

		if (!address)
			continue;
		/* The kernel reads whole words; so may we. */
		if (!cwr_proc_read_memory(process->pid, address, bits, (n + 63) / 64 * 8))
			return false;
		for (size_t fd = 0; fd < n; fd++)
			if (bits[fd / 8] >> (fd % 8) & 1)
				add_waiter(model, process, thread, (int)fd, events[set]);
	}
	return true;
}

static bool read_waiter(struct cwr_model *model, struct cwr_process *process,
			struct cwr_thread *thread)
{
	switch (thread->syscall) {
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
		return read_polled(model, process, thread);
#ifdef SYS_select
	case SYS_select:
#endif
	case SYS_pselect6:
		return read_selected(model, process, thread);
	case SYS_restart_syscall: /* of what, could not be told */
		return false;
	default:
		return thread->known;
	}
}

void cwr_proc_read_watches(struct cwr_model *model, struct cwr_process *process,
			   const struct cwr_fds *fds)
{
	read_epolls(model, process, fds);
	for (size_t i = 0; i < process->nthreads; i++)
		process->watches_known &= read_waiter(model, process, &process->threads[i]);
	if (!process->nthreads || !process->watches_known) {
		process->watches_known = false;
		cwr_model_add_limit(model, process,
				    "what its threads wait for could not be looked at");
	}
}
