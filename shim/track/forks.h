/* SPDX-License-Identifier: MIT */
/*
 * Forks: the ring of records in the session, the state of a child, and the detection of children
 * that no interposed function made.
 */
#ifndef CW_TRACK_FORKS_H
#define CW_TRACK_FORKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/thread.h"

/* What is carried over one fork() from before the call to after it, in both processes. */
struct cw_fork_ticket {
	bool is_open; /* the unwinder is closed to other threads until the call is over */
	uint32_t seq; /* 0: no session, nothing to record */
	uint64_t t;
};

/* Before and after the real fork(); cw_on_fork returns what it is given.  Async-signal-safe. */
struct cw_fork_ticket cw_before_fork(unsigned int fn);
pid_t cw_on_fork(const struct cw_fork_ticket *ticket, pid_t ret);

/*
 * After a call that started a process without returning in it (posix_spawn, vfork in the parent).
 * pid 0: not known.
 */
void cw_on_spawn(const struct cw_fork_ticket *ticket, pid_t pid);

/* The process id of a ticket's child became known later. */
void cw_forks_set_child(const struct cw_fork_ticket *ticket, pid_t pid);

/* Before an exec: this image ends here.  If the exec returns, it did not: cw_on_exec_failed(). */
void cw_before_exec(unsigned int fn);
int cw_on_exec_failed(int ret);

/* What cw_forks_may_record() is in full. */
bool cw_forks_check(void);

/*
 * Call before recording anything: notices that this is a child of a fork that was not seen. Returns
 * whether this thread may record (cw_may_record()).
 */
static inline bool cw_forks_may_record(void)
{
	if (cw_is_ready && !cw_thread.in_vfork && !cw_has_vm_children && cw_wiped->process_id)
		return true;
	return cw_forks_check();
}

/* A child without a session duplicates a socket: the first time, its parent's record says where. */
void cw_forks_note_dup(void);

/* The process ends: a child without a session says so in its parent's record. */
void cw_forks_note_exit(void);

/* Does any recorded child still run?  At most one system call for each recorded, unfinished child.
 */
int cw_forks_any_child_alive(void);

#endif
