/* SPDX-License-Identifier: MIT */
/*
 * Moments at which a report is due though nobody asked: so many ended sockets open, or no
 * descriptor left.  Each once in a process.
 */
#ifndef CW_TRACK_THRESHOLD_H
#define CW_TRACK_THRESHOLD_H

#include <stdint.h>

/* The function to call, and at how many open sockets whose end-of-file was read (0: never). */
void cw_threshold_init(uint32_t limit, void (*function)(void));

/* One more such socket, or one fewer.  Async-signal-safe. */
void cw_threshold_count(int change);

/* A call failed for want of descriptors.  Async-signal-safe. */
void cw_threshold_exhausted(void);

/* In a forked child, whose sockets are its own. */
void cw_threshold_after_fork(void);

#endif
