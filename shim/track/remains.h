/* SPDX-License-Identifier: MIT */
/*
 * What remains of connections that this process has closed: copies in other processes.
 */
#ifndef CW_TRACK_REMAINS_H
#define CW_TRACK_REMAINS_H

#include <stdbool.h>

/*
 * Is a connection that this process closed, while a forked copy was about, still in CLOSE_WAIT?
 * Then another process has it open, because the last close would have moved it on to LAST_ACK
 * (tcp_close_state() in net/ipv4/tcp.c).  Asks the kernel about each one in the handed-over cache;
 * false where it cannot be asked.  Async-signal-safe; errno is not touched.
 */
bool cw_remains_any(void);

#endif
