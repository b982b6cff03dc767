/* SPDX-License-Identifier: MIT */
/*
 * The handed-over cache: what is known of sockets that this process closed while a forked child may
 * still have a copy.  The child finds here what it inherited; the report finds the owner's close.
 * Also, without CW_SLOT_SHARED, what it had received from another process or sent to one.
 * A ring of the latest, and a set-associative cache by cookie, so bounded however many children
 * come.
 */
#ifndef CW_TRACK_HANDED_H
#define CW_TRACK_HANDED_H

#include "track/session.h"

enum { CW_HANDED_ALL = CW_LATEST + CW_HANDED };

/*
 * One of all CW_HANDED_ALL entries by its place, for those who look at each; NULL: there is none,
 * or nothing was ever stored near it.  Empty if its cookie is 0.  Async-signal-safe.
 */
struct cw_slot *cw_handed_peek(struct cw_map *map, uint32_t index);

enum { CW_HANDED_OF = CW_LATEST + CW_HANDED_WAYS };

/*
 * The same for one of the CW_HANDED_OF places where the entries of a socket can be, of its own and
 * of others.
 */
struct cw_slot *cw_handed_peek_of(struct cw_map *map, uint64_t cookie, uint32_t index);

/*
 * Stores a copy of the slot with its `closed` mark set.  Returns it, NULL where there is no room. A
 * longer life goes to what has copies that are open.
 * Async-signal-safe.
 */
struct cw_slot *cw_handed_store(struct cw_map *map, const struct cw_slot *slot);

/*
 * The slot that the entry is a copy of has been dropped: a descendant may have written its note
 * there after it was copied.  `entry` may be NULL.
 */
void cw_handed_follow(struct cw_slot *entry, const struct cw_slot *dropped);

/* The entry of a socket, of this number if there is one, or NULL.  Async-signal-safe. */
struct cw_slot *cw_handed_find(struct cw_map *map, uint64_t cookie, int fd);

/*
 * The entry of the socket that had this number at time t and was closed since, or NULL: a walk over
 * the whole cache.  Async-signal-safe.
 */
struct cw_slot *cw_handed_find_number(struct cw_map *map, int fd, uint64_t t);

#endif
