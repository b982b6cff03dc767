/* SPDX-License-Identifier: MIT */
/*
 * Processes in other pid namespaces (pid_namespaces(7)), as containers have.  A session has the
 * numbers that its process goes by itself; /proc has those of the namespace that it was mounted
 * for, which is as a rule the reporter's.  The field NSpid of /proc/PID/status (proc(5), Linux 4.1)
 * joins them, and the start time and the namespace's inode make sure of it.
 */
#ifndef CWR_PIDNS_H
#define CWR_PIDNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Does /proc go by the same numbers as this process's own system calls? */
bool cwr_pidns_is_proc_ours(void);

/* Does /proc go by the numbers of that namespace?  0, an unknown one, counts as if it did. */
bool cwr_pidns_is_here(uint64_t pidns);

/*
 * The number that /proc has for the living process which goes by `pid` in that namespace and has
 * started then; 0: it has ended, or is not to be seen from here.
 */
pid_t cwr_pidns_find(pid_t pid, uint64_t start_ticks, uint64_t pidns);

/* The number by which a process knows itself; 0: there is none. */
pid_t cwr_pidns_own_number(pid_t pid);

/* The processes and threads of one namespace. */
struct cwr_pidns {
	uint64_t pidns;
	size_t n;
	struct cwr_pidns_number *numbers; /* by the inner one */
};

/* Those that live now.  Free it with cwr_pidns_free(). */
void cwr_pidns_read(struct cwr_pidns *ret_space, uint64_t pidns);
void cwr_pidns_free(struct cwr_pidns *space);

/* The number in /proc of the process or thread; 0: none that lives has that number there. */
pid_t cwr_pidns_translate(const struct cwr_pidns *space, pid_t inner);

#endif
