/* SPDX-License-Identifier: MIT */
/*
 * Statistics of each creation site: how many sockets it made, how many were closed, how long they
 * lived.
 */
#ifndef CW_TRACK_SITES_H
#define CW_TRACK_SITES_H

#include "track/session.h"

/* A socket was made by this stack (0: unknown, not counted).  Async-signal-safe. */
void cw_site_created(struct cw_map *map, uint32_t stack);

/* The socket() of a client turned out to be made by its connect(): takes one creation back. */
void cw_site_uncreated(struct cw_map *map, uint32_t stack);

/*
 * A socket made by this stack at `created` is closed at `now`, both as cw_now() tells; data moved
 * on it while it lived, or not.  Async-signal-safe.
 */
void cw_site_closed(struct cw_map *map, uint32_t stack, uint64_t created, uint64_t now,
		    bool was_served);

#endif
