/* SPDX-License-Identifier: MIT */
/*
 * The handed-over cache.  A set is full when eight live children share its hash: then an entry goes
 * whose children have closed too, else the oldest, and the loss is counted.
 */
#include "track/handed.h"

#include "core/poison.h"

static uint32_t first_of_set(uint64_t cookie)
{
	uint64_t hash = cookie * 0x9e3779b97f4a7c15u;

	return (uint32_t)(hash >> 40) % (CW_HANDED / CW_HANDED_WAYS) * CW_HANDED_WAYS;
}

static bool is_done_with(const struct cw_slot *entry)
{
	return entry->note.cookie_lo == (uint32_t)entry->cookie && entry->note.closes;
}

/* Lower is better to give up: empty, done with, then by age. */
static uint64_t worth(const struct cw_slot *entry)
{
	if (!entry->cookie)
		return 0;
	return is_done_with(entry) ? 1 : entry->closed.t;
}

struct cw_slot *cw_handed_find(struct cw_map *map, uint64_t cookie)
{
	uint32_t first = first_of_set(cookie);

	for (uint32_t i = first; i < first + CW_HANDED_WAYS; i++) {
		struct cw_slot *entry = cw_session_peek(map, CW_SECTION_HANDED, i);

		if (entry && entry->cookie == cookie)
			return entry;
	}
	return NULL;
}

void cw_handed_store(struct cw_map *map, const struct cw_slot *slot)
{
	uint32_t first = first_of_set(slot->cookie);
	struct cw_slot *best = NULL;

	for (uint32_t i = first; i < first + CW_HANDED_WAYS; i++) {
		struct cw_slot *entry = cw_session_entry(map, CW_SECTION_HANDED, i);

		if (!entry)
			return;
		if (!best || worth(entry) < worth(best))
			best = entry;
	}
	if (worth(best) > 1)
		cw_count(map->header->lost_handed);
	/* Readers of this cache check the cookie, so it goes first and comes last. */
	__atomic_store_n(&best->cookie, 0, __ATOMIC_RELEASE);
	best->seq = 0;
	best->role = slot->role;
	best->via = slot->via;
	best->family = slot->family;
	best->flags = (uint8_t)((slot->flags & ~CW_SLOT_LIVE) | CW_SLOT_SHARED);
	__builtin_memcpy(&best->created, &slot->created,
			 sizeof(*slot) - offsetof(struct cw_slot, created));
	__atomic_store_n(&best->cookie, slot->cookie, __ATOMIC_RELEASE);
}
