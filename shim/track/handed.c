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

/* Received or sent, and kept only so that it can be told what became of it. */
static bool is_passed(const struct cw_slot *entry)
{
	return !(entry->flags & CW_SLOT_SHARED);
}

enum { RECEIVED_SHIFT = 24 /* time in this unit is less than any in nanoseconds */ };

/* Lower is better to give up: empty, done with, passed, then what has copies; each by age. */
static uint64_t worth(const struct cw_slot *entry)
{
	if (!entry->cookie)
		return 0;
	if (is_done_with(entry))
		return 1;
	return is_passed(entry) ? 2 + (CW_MARK_T(entry->closed) >> RECEIVED_SHIFT)
				: CW_MARK_T(entry->closed);
}

/*
 * The owner's descendants may have been forked before it made a block real, so that they cannot
 * know from their own cw_map.
 */
static uint64_t block_of(const struct cw_section *section, uint64_t byte)
{
	return (section->offset + byte) / CW_BLOCK - section->offset / CW_BLOCK;
}

_Static_assert(CW_HANDED * sizeof(struct cw_slot) / CW_BLOCK + 2 <= 128, "bits for all blocks");

static void tell_backed(struct cw_session_header *header, uint32_t first)
{
	const struct cw_section *section = &header->section[CW_SECTION_HANDED];
	uint64_t begin = first * sizeof(struct cw_slot);
	uint64_t end = begin + CW_HANDED_WAYS * sizeof(struct cw_slot) - 1;

	for (uint64_t b = block_of(section, begin); b <= block_of(section, end); b++)
		__atomic_fetch_or(&header->handed_blocks[b / 64], 1ull << b % 64, __ATOMIC_RELEASE);
}

static struct cw_slot *peek(struct cw_map *map, uint32_t index)
{
	const struct cw_section *section = &map->header->section[CW_SECTION_HANDED];
	uint64_t begin = index * sizeof(struct cw_slot), end = begin + sizeof(struct cw_slot) - 1;

	for (uint64_t b = block_of(section, begin); b <= block_of(section, end); b++)
		/* Acquire: pairs with the owner's telling. */
		if (!(__atomic_load_n(&map->header->handed_blocks[b / 64], __ATOMIC_ACQUIRE) &
		      1ull << b % 64))
			return NULL;
	return (struct cw_slot *)((char *)map->header + section->offset + begin);
}

/*
 * Who looks for an entry will write a note into it: a child that reads the page first has two page
 * faults for it, one that begins by writing, be it what is there, has one.
 */
static bool is_of(struct cw_slot *entry, uint64_t cookie)
{
	return __atomic_compare_exchange_n(&entry->cookie, &cookie, cookie, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

struct cw_slot *cw_handed_find(struct cw_map *map, uint64_t cookie)
{
	uint32_t first = first_of_set(cookie);

	for (uint32_t i = first; i < first + CW_HANDED_WAYS; i++) {
		struct cw_slot *entry = peek(map, i);

		if (entry && is_of(entry, cookie))
			return entry;
	}
	return NULL;
}

/* Of several that had the number after t, the one that was closed first. */
struct cw_slot *cw_handed_find_number(struct cw_map *map, int fd, uint64_t t)
{
	struct cw_slot *found = NULL;

	for (uint32_t i = 0; i < CW_HANDED; i++) {
		struct cw_slot *entry = peek(map, i);

		if (entry && entry->cookie && entry->fd == fd && CW_MARK_T(entry->closed) >= t &&
		    CW_MARK_T(entry->created) <= t &&
		    (!found || entry->closed.tick < found->closed.tick))
			found = entry;
	}
	return found;
}

struct cw_slot *cw_handed_store(struct cw_map *map, const struct cw_slot *slot)
{
	uint32_t first = first_of_set(slot->cookie);
	struct cw_slot *best = NULL;

	for (uint32_t i = first; i < first + CW_HANDED_WAYS; i++) {
		struct cw_slot *entry = cw_session_entry(map, CW_SECTION_HANDED, i);

		if (!entry)
			return NULL;
		if (!best || worth(entry) < worth(best))
			best = entry;
	}
	tell_backed(map->header, first);
	if (worth(best) > 1 && !is_passed(best))
		cw_count(map->header->lost_handed);
	/* Readers of this cache check the cookie, so it goes first and comes last. */
	__atomic_store_n(&best->cookie, 0, __ATOMIC_RELEASE);
	best->seq = 0;
	best->role = slot->role;
	best->via = slot->via;
	best->family = slot->family;
	best->flags = (uint8_t)(slot->flags & ~CW_SLOT_LIVE);
	__builtin_memcpy(&best->created, &slot->created,
			 sizeof(*slot) - offsetof(struct cw_slot, created));
	__atomic_store_n(&best->cookie, slot->cookie, __ATOMIC_RELEASE);
	return best;
}

static bool is_older(const struct cw_note *a, const struct cw_note *b)
{
	return (b->eof.tick && !a->eof.tick) || b->closed.tick > a->closed.tick;
}

void cw_handed_follow(struct cw_slot *entry, const struct cw_slot *dropped)
{
	if (!entry)
		return;
	/* Pairs with the fence in cw_inherited_note(): its writer saw the slot dropped, or its note
	 * is seen here. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (dropped->note.cookie_lo == (uint32_t)entry->cookie &&
	    (entry->note.cookie_lo != (uint32_t)entry->cookie ||
	     is_older(&entry->note, &dropped->note)))
		entry->note = dropped->note;
}
