/* SPDX-License-Identifier: MIT */
/*
 * The way of a process's reporter to the session, which belongs to who the process was at its
 * start.
 */
#ifndef CW_TRIGGER_REACH_H
#define CW_TRIGGER_REACH_H

#include <stdbool.h>

/*
 * Can the session's file be opened?  A process that has changed its user for a while only may
 * change back (its real or saved user ID, setresuid(2)): then the caller does, for good.  So this
 * is for the process that becomes the reporter, never for the host.  Async-signal-safe; uses no
 * thread-local storage.
 */
bool cw_reach_session(void);

#endif
