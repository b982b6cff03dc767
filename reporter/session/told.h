/* SPDX-License-Identifier: MIT */
/*
 * What earlier reports told of a living process: a small file beside its session, PID-START.told,
 * with a line for each socket.  The next report names those that have been closed since.
 */
#ifndef CWR_TOLD_H
#define CWR_TOLD_H

#include "model/model.h"

/*
 * Adds to model->closed_after_all what was told of the processes and has been closed since; after
 * cwr_kernel_observe().  Files that are not there, are another user's or make no sense say nothing.
 */
void cwr_told_compare(struct cwr_model *model);

/*
 * Writes anew what has been told of each living process, after a report: the sockets of its
 * findings, and those told before that are still open.  Only beside sessions of this user (euid);
 * what cannot be written is left.  Removes the files of processes that end, and those that lie in
 * the same directories without a session.
 */
void cwr_told_write(const struct cwr_model *model);

/* Removes the files in dir whose sessions are gone. */
void cwr_told_sweep(const char *dir);

#endif
