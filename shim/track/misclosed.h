/* SPDX-License-Identifier: MIT */
/*
 * Sockets that were closed by a thread which had just read the end-of-file of another one.  A proxy
 * does that rightly.  Where somebody goes on using the number, it was the wrong one: then the close
 * is kept in the session.  Async-signal-safe, without a system call.
 */
#ifndef CW_TRACK_MISCLOSED_H
#define CW_TRACK_MISCLOSED_H

#include <stdint.h>

#include "track/slots.h"

/* The calling thread is about to close this socket. */
void cw_misclosed_before_close(struct cw_map *map, unsigned int fn, const struct cw_slot *slot);

/* A call on this number failed because there is nothing, or no socket: was it closed so? */
void cw_misclosed_used(struct cw_map *map, int fd);

/* The number belongs to another socket now. */
void cw_misclosed_forget(int fd);

#endif
