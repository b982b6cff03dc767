/* SPDX-License-Identifier: MIT */
/*
 * Sockets that this program was executed with.  Nobody knows here what they are; that they came
 * through exec(2) tells them from those that were made out of our sight.
 *
 * A program that merely holds such connections needs no session for it: /proc tells of them.  One
 * that uses them, or forks, gets its session then.
 */
#ifndef CW_TRACK_EXECUTED_H
#define CW_TRACK_EXECUTED_H

#include <stdbool.h>
#include <stdint.h>

/* There are connections among them, and there is no session yet that they are recorded in. */
extern bool cw_executed_waiting;

/* Remembers the sockets that are open.  Once, in the constructor; a forked child inherits it. */
void cw_executed_remember(void);

/* Was the socket open when this program, or the one that it was forked from, was executed? */
bool cw_executed_has(uint64_t cookie);

/* They are used now, or inherited: makes the session if they wait for it.  Async-signal-safe. */
void cw_executed_settle(void);

/* The session was made: takes those into its table that are still open.  Async-signal-safe. */
void cw_executed_adopt(void);

/* Does the session know of nothing but connections of that kind, of which none was used here? */
bool cw_executed_is_all(void);

#endif
