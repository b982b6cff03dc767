/* SPDX-License-Identifier: MIT */
/*
 * Questions on what a process waits for: its threads' calls and its poll sets.
 */
#ifndef CWR_WAITS_H
#define CWR_WAITS_H

#include "model/model.h"

/* The sets that a descriptor is in. */
struct cwr_waiting {
	size_t sets;		/* 0: none */
	bool wants_input;	/* in one of them for input or the peer's end */
	bool is_edge_triggered; /* in one of them for input, told of each change only once */
	bool is_disarmed;	/* one-shot, and its shot is spent */
	bool is_awaited;	/* a thread waits on one of them */
	bool is_level_awaited;	/* a thread waits on one where it is level-triggered for input */
};

/* Puts the watches of a process into the order that the questions below rely on. */
void cwr_waits_sort(struct cwr_process *process);

struct cwr_waiting cwr_waits_of(const struct cwr_socket *socket, const struct cwr_holder *holder);

/* Is it in a set that this thread waits on; tid 0: that any thread does? */
bool cwr_waits_is_awaited_by(const struct cwr_socket *socket, const struct cwr_holder *holder,
			     pid_t tid);

/* Are its poll sets known?  They are those of before, in a process that is about to end. */
bool cwr_waits_are_known(const struct cwr_process *process);

/* The process's thread, or NULL. */
const struct cwr_thread *cwr_waits_thread(const struct cwr_process *process, pid_t tid);

/* It has long been in a call in which no server waits for work: a lock, connect, another send. */
bool cwr_waits_is_stuck(const struct cwr_model *model, const struct cwr_process *process,
			const struct cwr_thread *thread);

/*
 * Not the main thread, and it is in a long sleep, or waits for a child process: no call in which a
 * thread that serves would wait for work.  NULL: false.
 */
bool cwr_waits_is_held_up(const struct cwr_process *process, const struct cwr_thread *thread);

/* It sends. */
bool cwr_waits_is_sending(const struct cwr_thread *thread);

/* It waits in epoll, poll or select. */
bool cwr_waits_is_polling(const struct cwr_thread *thread);

/* Some thread is in a call on that descriptor. */
bool cwr_waits_in_call(const struct cwr_process *process, int fd);

/* "locks a mutex", "connects": what a stuck thread does, in words. */
const char *cwr_waits_words(const struct cwr_thread *thread);

/* ", which now polls", ", which computes": what any thread does at the moment, or "". */
const char *cwr_waits_now(const struct cwr_thread *thread);

#endif
