/* SPDX-License-Identifier: MIT */
/*
 * The handed-over cache.  Those that were closed last stand apart, in a page that children share
 * without a fault: a child that ends soon after the fork finds its own there.  From there they go
 * to their set of the cache, never back.  A set is full when eight live children share its hash:
 * then an entry goes whose children have closed too, else the oldest, and the loss is counted.
 */
#include "track/handed.h"

#include "track/plan.h"

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

static struct cw_slot *latest(struct cw_map *map)
{
	const struct cw_section *section = &map->header->section[CW_SECTION_LATEST];

	return section->size ? (struct cw_slot *)((char *)map->header + section->offset) : NULL;
}

/*
 * Of duplicates that were closed each has its entry: a descendant's copy is of the one with its
 * number.  *other: one of the socket with another number, if there is any.
 */
static struct cw_slot *find_latest(struct cw_map *map, uint64_t cookie, int fd,
				   struct cw_slot **other)
{
	uint32_t *used = &map->header->section[CW_SECTION_LATEST].used;
	uint32_t next = __atomic_load_n(used, __ATOMIC_RELAXED);
	struct cw_slot *entries = latest(map);

	for (uint32_t i = 1; entries && i <= CW_LATEST; i++) {
		struct cw_slot *entry = &entries[(next - i) % CW_LATEST];

		if (__atomic_load_n(&entry->cookie, __ATOMIC_ACQUIRE) != cookie)
			continue;
		if (entry->fd == fd)
			return entry;
		if (!*other)
			*other = entry;
	}
	return NULL;
}

_Static_assert((CW_LATEST & (CW_LATEST - 1)) == 0, "`used` may wrap");
_Static_assert(CW_PLAN_BEGIN + CW_LATEST * sizeof(struct cw_slot) <= CW_BLOCK,
	       "in the block that is real from the start");

static struct cw_slot *find_in_set(struct cw_map *map, uint64_t cookie, int fd,
				   struct cw_slot **other)
{
	uint32_t first = first_of_set(cookie);

	for (uint32_t i = first; i < first + CW_HANDED_WAYS; i++) {
		struct cw_slot *entry = peek(map, i);

		if (!entry || !is_of(entry, cookie))
			continue;
		if (entry->fd == fd)
			return entry;
		if (!*other)
			*other = entry;
	}
	return NULL;
}

/* The latest first: from there an entry goes to its set. */
struct cw_slot *cw_handed_find(struct cw_map *map, uint64_t cookie, int fd)
{
	struct cw_slot *other = NULL, *entry = find_latest(map, cookie, fd, &other);

	if (!entry)
		entry = find_in_set(map, cookie, fd, &other);
	return entry ? entry : other;
}

struct cw_slot *cw_handed_peek_of(struct cw_map *map, uint64_t cookie, uint32_t index)
{
	if (index >= CW_LATEST)
		index += first_of_set(cookie);
	return cw_handed_peek(map, index);
}

struct cw_slot *cw_handed_peek(struct cw_map *map, uint32_t index)
{
	struct cw_slot *entries = latest(map);

	if (index >= CW_LATEST)
		return peek(map, index - CW_LATEST);
	return entries ? &entries[index] : NULL;
}

/* Of several that had the number after t, the one that was closed first. */
struct cw_slot *cw_handed_find_number(struct cw_map *map, int fd, uint64_t t)
{
	struct cw_slot *found = NULL;

	for (uint32_t i = 0; i < CW_HANDED_ALL; i++) {
		struct cw_slot *entry = cw_handed_peek(map, i);

		if (entry && entry->cookie && entry->fd == fd && CW_MARK_T(entry->closed) >= t &&
		    CW_MARK_T(entry->created) <= t &&
		    (!found || entry->closed.tick < found->closed.tick))
			found = entry;
	}
	return found;
}

/* An entry has one writer: its sequence number is odd meanwhile, as a slot's. */
static bool claim(struct cw_slot *entry)
{
	uint32_t seq = __atomic_load_n(&entry->seq, __ATOMIC_RELAXED);

	if (seq & 1 || !__atomic_compare_exchange_n(&entry->seq, &seq, seq + 1, false,
						    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	/* For readers: odd is seen before any change. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return true;
}

static void release(struct cw_slot *entry)
{
	__atomic_store_n(&entry->seq, entry->seq + 1, __ATOMIC_RELEASE);
}

/* Descendants check the cookie, so it goes first and comes last. */
static void replace(struct cw_slot *entry, const struct cw_slot *slot)
{
	__atomic_store_n(&entry->cookie, 0, __ATOMIC_RELEASE);
	entry->role = slot->role;
	entry->via = slot->via;
	entry->family = slot->family;
	entry->flags = (uint8_t)(slot->flags & ~CW_SLOT_LIVE);
	__builtin_memcpy(&entry->created, &slot->created,
			 sizeof(*slot) - offsetof(struct cw_slot, created));
	__atomic_store_n(&entry->cookie, slot->cookie, __ATOMIC_RELEASE);
}

static struct cw_slot *store_in_set(struct cw_map *map, const struct cw_slot *slot)
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
	if (worth(slot) < worth(best))
		return NULL; /* nobody waits for it any more */
	if (!claim(best)) {
		cw_count(map->header->lost_handed);
		return NULL;
	}
	if (worth(best) > 1 && !is_passed(best))
		cw_count(map->header->lost_handed);
	replace(best, slot);
	release(best);
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
	/* Pairs with the fence in cw_inherited_write(): its writer saw the slot dropped, or its
	 * note is seen here. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (dropped->note.cookie_lo == (uint32_t)entry->cookie &&
	    (entry->note.cookie_lo != (uint32_t)entry->cookie ||
	     is_older(&entry->note, &dropped->note)))
		entry->note = dropped->note;
}

/* Makes room for a later one. */
static void move_on(struct cw_map *map, struct cw_slot *entry)
{
	struct cw_slot *kept = entry->cookie ? store_in_set(map, entry) : NULL;

	__atomic_store_n(&entry->cookie, 0, __ATOMIC_RELEASE);
	cw_handed_follow(kept, entry);
}

struct cw_slot *cw_handed_store(struct cw_map *map, const struct cw_slot *slot)
{
	uint32_t *used = &map->header->section[CW_SECTION_LATEST].used;
	struct cw_slot *entries = latest(map), *entry;

	if (!entries)
		return store_in_set(map, slot);
	entry = &entries[__atomic_fetch_add(used, 1, __ATOMIC_RELAXED) % CW_LATEST];
	/* Another thread was stopped there while all others had their turn. */
	if (!claim(entry))
		return store_in_set(map, slot);
	move_on(map, entry);
	replace(entry, slot);
	release(entry);
	return entry;
}
