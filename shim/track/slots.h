/* SPDX-License-Identifier: MIT */
/*
 * The descriptor table: which socket each descriptor is.  Writers are the threads and signal
 * handlers of one process; the reporter and forked children read along.  All async-signal-safe.
 */
#ifndef CW_TRACK_SLOTS_H
#define CW_TRACK_SLOTS_H

#include "track/session.h"

/* A bit for each descriptor; use the function below. */
extern _Atomic uint64_t cw_slots_tracked[CW_SLOTS_MAX / 64];

/*
 * Is this descriptor a socket that is tracked here, or was it one in the parent at the fork?
 * One load; false for numbers outside the table.
 */
static inline bool cw_slots_is_tracked(int fd)
{
	if ((unsigned int)fd >= CW_SLOTS_MAX)
		return false;
	return atomic_load_explicit(&cw_slots_tracked[fd / 64], memory_order_relaxed) >> (fd % 64) &
	       1;
}

/*
 * The table of the own session, NULL where there is none.  Once it is set, each slot whose
 * descriptor is tracked is backed by storage, so that the hot path need not ask.
 */
extern struct cw_slot *_Atomic cw_slots_table;

/* The slot of a descriptor that is tracked, or NULL: no session.  It may be dead since. */
static inline struct cw_slot *cw_slots_tracked_slot(int fd)
{
	struct cw_slot *table = atomic_load_explicit(&cw_slots_table, memory_order_relaxed);

	return table ? &table[(unsigned int)fd] : NULL;
}

/* One past the highest descriptor that cw_slots_is_tracked() was ever true for. */
uint32_t cw_slots_end(void);

/* The live slot of a descriptor in the own session, or NULL. */
static inline struct cw_slot *cw_slots_find(int fd)
{
	struct cw_slot *slot = cw_slots_is_tracked(fd) ? cw_slots_tracked_slot(fd) : NULL;

	return slot && slot->flags & CW_SLOT_LIVE ? slot : NULL;
}

/*
 * Opens the slot for writing; NULL if there is none to be had (no room, or a writer that was
 * interrupted by this very call: the kernel's word at the report corrects what is missed then).
 * Whatever was in it is replaced by the caller.  Ends with cw_slots_commit().
 */
struct cw_slot *cw_slots_begin(int fd);
void cw_slots_commit(struct cw_slot *slot);

/*
 * A whole slot is written in pieces that the compiler moves through registers: `rep movs` and
 * `rep stos`, which it takes for more, are slow to start.
 */
enum { CW_SLOTS_PIECES = 4 };
_Static_assert(sizeof(struct cw_slot) % CW_SLOTS_PIECES == 0, "equal pieces");

static inline void cw_slots_clear(struct cw_slot *slot)
{
	enum { SIZE = sizeof(*slot) / CW_SLOTS_PIECES };

	for (size_t i = 0; i < CW_SLOTS_PIECES; i++)
		__builtin_memset((char *)slot + i * SIZE, 0, SIZE);
}

/* Stores a new socket under its descriptor fd = content->fd; its `seq` is ignored. */
void cw_slots_put(const struct cw_slot *content);

/* Forgets the descriptor. */
void cw_slots_drop(int fd);

/* The same if this socket still is what is recorded there; false: another is. */
bool cw_slots_drop_if(int fd, uint64_t cookie);

/*
 * The process just got its own session: a child takes over what it inherited, as the kernel
 * confirms, and then the table is open.
 */
void cw_slots_adopt(void);

/* In a forked child: the table is the parent's. */
void cw_slots_after_fork(void);

/* The record of an inherited socket in the family's session: its slot there or in the handed-over
 * cache, or NULL.  By the socket's cookie; fd is the likely place. */
struct cw_slot *cw_slots_find_inherited(int fd, uint64_t cookie);

/*
 * The cookie of a descriptor that this (forked) process may have inherited; 0: it cannot be told.
 * The kernel is asked; in a sandbox what the family's session had there at the fork is the answer.
 */
uint64_t cw_slots_inherited_cookie(int fd);

/* Notes that a descriptor of an inherited socket was made by this (session-less) process. */
void cw_slots_track_number(int fd);

#endif
