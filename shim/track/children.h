/* SPDX-License-Identifier: MIT */
/*
 * Forked children that have a session of their own, listed in the session of the process that they
 * were forked from.  What the killed leave behind is so found again, and kept within bounds.
 */
#ifndef CW_TRACK_CHILDREN_H
#define CW_TRACK_CHILDREN_H

#include <stdint.h>

#include "cwshim/session.h"

/*
 * This process, which has just got a session, enters itself in its family's.  Where there is no
 * place left, the session of a process that has ended makes room: what its descendants had noted is
 * folded into the family's, and the file is removed.  Async-signal-safe.
 */
void cw_children_enter(const struct cw_session_header *header);

/* This process's session is about to be removed. */
void cw_children_leave(const struct cw_session_header *header);

/*
 * When a process started: field 22 of /proc/PID/stat (proc(5)), clock ticks; 0: not known.  pid 0
 * is this process, by whatever number /proc knows it: that may be of an outer namespace.
 */
uint64_t cw_children_start_ticks(int pid);

#endif
