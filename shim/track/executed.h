/* SPDX-License-Identifier: MIT */
/*
 * Sockets that this program was executed with.  Nobody knows here what they are; that they came
 * through exec(2) tells them from those that were made out of our sight.
 */
#ifndef CW_TRACK_EXECUTED_H
#define CW_TRACK_EXECUTED_H

#include <stdbool.h>
#include <stdint.h>

/* Remembers the sockets that are open.  Once, in the constructor; a forked child inherits it. */
void cw_executed_remember(void);

/* Was the socket open when this program, or the one that it was forked from, was executed? */
bool cw_executed_has(uint64_t cookie);

#endif
