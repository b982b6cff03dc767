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
 * Sets model->now.  Tells which processes live; confirms their holders, or finds them closed;
 * adds the holders that no session knows; sets states, queues, end-of-file and the age of the FIN.
 * Of processes that have ended, what was probed while they lived is used (holder.probe).
 */
struct cwr_error *cwr_kernel_observe(struct cwr_model *model);

#endif
