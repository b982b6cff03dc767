/* SPDX-License-Identifier: MIT */
/*
 * The ring of events: things worth knowing that belong to no open descriptor.
 */
#ifndef CW_TRACK_RING_H
#define CW_TRACK_RING_H

#include "track/session.h"

/* Something happened to a socket (cookie 0: to none) at a descriptor.  Async-signal-safe. */
void cw_ring_add(struct cw_map *map, unsigned int fn, uint64_t cookie, int fd, int result);

/* The same of what has been marked before. */
void cw_ring_add_mark(struct cw_map *map, const struct cw_mark *mark, uint64_t cookie, int fd,
		      int result);

#endif
