/* SPDX-License-Identifier: MIT */
/*
 * The sessions that a living process has mapped: its own, and the one that its inherited sockets
 * were recorded in.  So they are found wherever they lie, whoever's they are, and also for a
 * process that has no session of its own.
 */
#ifndef CWR_KERNEL_MAPPED_H
#define CWR_KERNEL_MAPPED_H

#include <sys/types.h>

/* path is one that the caller can open: its own, or through /proc/PID/root; valid for the call. */
typedef void cwr_mapped_visitor(void *context, pid_t pid, const char *path);

/* Visits each mapped file whose name ends so, and that still is there; none if it may not be read.
 */
void cwr_proc_each_mapped(pid_t pid, const char *suffix, cwr_mapped_visitor *visit, void *context);

#endif
