/* SPDX-License-Identifier: MIT */
/*
 * The kernel's testimony on the processes and sockets of the model, taken from outside through
 * sock_diag and /proc; nothing here disturbs the processes.  What may not be read, or belongs to
 * a process that goes away meanwhile, is no error: it stays unknown, and the process's `limits`
 * say so where it matters.
 */
#ifndef CWR_KERNEL_H
#define CWR_KERNEL_H

#include "model/model.h"
#include "util/error.h"

/*
 * What the kernel lists at this moment.  Take it before the sessions are read: what a session tells
 * is then never older, so a socket that came about in between is missing here and cannot be taken
 * for one that the shim did not see.  Never NULL; without the list a report is poorer, not wrong.
 */
struct cwr_kernel_list *cwr_kernel_list(void);

/*
 * Adds what the kernel lists in the network namespace of a process, if that is another one and may
 * be entered (CAP_SYS_ADMIN, setns(2)).  Before its session is read, too.
 */
void cwr_kernel_list_add(struct cwr_kernel_list *list, pid_t pid);
void cwr_kernel_list_free(struct cwr_kernel_list *list);

/*
 * The cookies of the connections of the list that the process has open, at most max of them; how
 * many is returned.  0 also if its descriptors may not be looked at.
 */
size_t cwr_kernel_cookies_of(const struct cwr_kernel_list *list, pid_t pid, uint64_t *ret_cookies,
			     size_t max);

#define CWR_AUTO_KERNEL_LIST __attribute__((cleanup(cwr_kernel_list_cleanup)))
static inline void cwr_kernel_list_cleanup(struct cwr_kernel_list **list)
{
	cwr_kernel_list_free(*list);
}

/*
 * Sets model->now.  Tells which processes live; confirms their holders, or finds them closed;
 * adds the holders that no session knows; sets states, queues, end-of-file and the age of the FIN.
 * Of processes that have ended, what was probed while they lived is used (holder.probe).
 */
struct cwr_error *cwr_kernel_observe(struct cwr_model *model, const struct cwr_kernel_list *list);

/* Why nothing is recorded of a process though it has the library, and the sentences for reports. */
#define CWR_OFF_REFUSED	 "off: no session"
#define CWR_OFF_FILTERED "off: sandbox"
#define CWR_LIMIT_REFUSED                                                                       \
	"it could have no session, as its standard error said: what it recorded in its memory " \
	"cannot be read"
#define CWR_LIMIT_FILTERED "nothing of it is recorded: a seccomp filter was on when it started"

/*
 * Adds the living processes that have the library but no session though they want one, with `off`
 * and a limit that says why.  Those whose maps may not be read are passed over.
 */
void cwr_kernel_find_unrecorded(struct cwr_model *model);

#endif
