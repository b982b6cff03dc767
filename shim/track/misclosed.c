/* SPDX-License-Identifier: MIT */
/*
 * A small table by number, in memory of our own: an entry is needed only until its number is used
 * again, and one that is lost, to another number or to a fork, costs a cause that is not named.
 */
#include "track/misclosed.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "core/thread.h"
#include "track/mark.h"
#include "track/ring.h"

#include "core/poison.h"

enum { ENTRIES = 64 };

enum { FREE = -1, BUSY = -2 };

/* Whoever makes it busy owns it; who finds it busy goes without. */
static struct entry {
	_Atomic int32_t state; /* the number, or one of these */
	uint64_t cookie;       /* whose end-of-file the thread had read */
	struct cw_mark closed;
} entries[ENTRIES] = {[0 ... ENTRIES - 1] = {.state = FREE}};

static struct entry *entry_of(int fd)
{
	return &entries[(unsigned int)fd % ENTRIES];
}

/* Acquire: pairs with release(). */
static bool own(struct entry *entry, int32_t state)
{
	return state != BUSY &&
	       atomic_load_explicit(&entry->state, memory_order_relaxed) == state &&
	       atomic_compare_exchange_strong_explicit(&entry->state, &state, BUSY,
						       memory_order_acquire, memory_order_relaxed);
}

static void release(struct entry *entry, int32_t state)
{
	atomic_store_explicit(&entry->state, state, memory_order_release);
}

/* Its own peer has not ended, and the program has not begun to end it. */
static bool is_in_use(const struct cw_slot *slot)
{
	return (slot->role == CW_ROLE_ACCEPTED || slot->role == CW_ROLE_CONNECTED) &&
	       !slot->eof.tick && !slot->shutdown.tick && !(slot->flags & CW_SLOT_RESET);
}

void cw_misclosed_before_close(struct cw_map *map, unsigned int fn, const struct cw_slot *slot)
{
	struct entry *entry = entry_of(slot->fd);
	struct cw_mark made;

	if (!cw_thread.eof_cookie || slot->cookie == cw_thread.eof_cookie || !is_in_use(slot))
		return;
	made = cw_mark_here(map, fn);
	if (!own(entry, atomic_load_explicit(&entry->state, memory_order_relaxed)))
		return;
	entry->cookie = cw_thread.eof_cookie;
	entry->closed = made;
	release(entry, slot->fd);
}

void cw_misclosed_used(struct cw_map *map, int fd)
{
	struct entry *entry = entry_of(fd);
	struct entry copy;

	if (fd < 0 || !own(entry, fd))
		return;
	copy.cookie = entry->cookie;
	copy.closed = entry->closed;
	release(entry, FREE);
	cw_ring_add_mark(map, &copy.closed, copy.cookie, fd, 0);
}

void cw_misclosed_forget(int fd)
{
	struct entry *entry = entry_of(fd);

	if (own(entry, fd))
		release(entry, FREE);
}
