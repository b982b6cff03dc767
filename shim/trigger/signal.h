/* SPDX-License-Identifier: MIT */
/*
 * The report signal, and the deadly signals at their default action.
 */
#ifndef CW_TRIGGER_SIGNAL_H
#define CW_TRIGGER_SIGNAL_H

/* Takes the report signal if the host has not; in the constructor. */
void cw_signal_init(void);

/*
 * Takes SIGTERM, SIGINT and SIGHUP where their action is the default.  Called when the session is
 * made: a process without sockets is left alone.  Async-signal-safe.
 */
void cw_signal_take_deadly(void);

/* Gives them back to their default action: a sandbox is about to be entered. */
void cw_signal_give_back_deadly(void);

#endif
