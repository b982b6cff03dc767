/* SPDX-License-Identifier: MIT */
/*
 * A table of walks, for all threads: those of a pool, or that come one after the other, often have
 * their stacks at the same addresses.  Each entry is guarded by a sequence number, odd while it is
 * written.  Nobody waits: a reader that meets a writer, or is interrupted by one, finds nothing,
 * and a second writer writes nothing.  A writer that never returns (a handler's longjmp, a fork by
 * another thread) leaves an entry that is never used again.
 */
#include "core/memo.h"

#include <stdatomic.h>
#include <stddef.h>

#include "core/layouts.h"
#include "core/thread.h"

#include "core/poison.h"

enum {
	SETS_LOG = 6,
	WAYS = 2,
	MISSES = 8, /* one miss in so many replaces what is there */
	VALUE_BITS = 48
};

/* A stack of some ten frames takes three cache lines. */
struct entry {
	_Alignas(64) atomic_uint sequence;
	_Atomic uint32_t id;
	_Atomic uint64_t session; /* 0: never used */
	_Atomic uintptr_t ip, sp, bp;
	_Atomic uint32_t words;
	_Atomic bool needs_bp;
	_Atomic uint64_t word[CW_WALK_WORDS_MAX]; /* how many words above sp, then the value */
};

static struct set {
	struct entry way[WAYS];
	atomic_uint misses;
} table[1 << SETS_LOG];

#define get(field)    atomic_load_explicit(&(field), memory_order_relaxed)
#define put(field, v) atomic_store_explicit(&(field), (v), memory_order_relaxed)

static struct set *set_of(const struct cw_walk_start *start)
{
	const uint64_t factor = 0x9e3779b97f4a7c15u;

	return &table[(start->ip ^ start->sp * factor) * factor >> (64 - SETS_LOG)];
}

static inline bool is_of(struct entry *entry, const struct cw_walk_start *start, uint64_t session)
{
	return get(entry->session) == session && get(entry->ip) == start->ip &&
	       get(entry->sp) == start->sp;
}

/* The place may be of an entry that is being written: it is looked at before it is followed. */
static inline bool is_unchanged(struct entry *entry, const uintptr_t *sp)
{
	uint32_t words = get(entry->words);
	uint64_t room = (cw_thread.stack_high - (uintptr_t)sp) / sizeof(*sp);

	if (words > CW_WALK_WORDS_MAX)
		return false;
	for (uint32_t i = 0; i < words; i++) {
		uint64_t word = get(entry->word[i]), place = word >> VALUE_BITS;

		if (place >= room || sp[place] != (word & ((1ull << VALUE_BITS) - 1)))
			return false;
	}
	return true;
}

static inline uint32_t read_entry(struct entry *entry, const struct cw_walk_start *start,
				  uint64_t session)
{
	/* Acquire: pairs with the release of the even number in cw_memo_keep(). */
	unsigned int sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
	uint32_t id;

	if (sequence & 1 || !is_of(entry, start, session) ||
	    (get(entry->needs_bp) && get(entry->bp) != start->bp) ||
	    !is_unchanged(entry, (const uintptr_t *)start->sp))
		return 0;
	id = get(entry->id);
	/* Pairs with the release fence after the odd number: what was read is of one writing. */
	atomic_thread_fence(memory_order_acquire);
	return get(entry->sequence) == sequence ? id : 0;
}

uint32_t cw_memo_find(const struct cw_walk_start *start, uint64_t session)
{
	struct set *set = set_of(start);
	uint32_t id = 0;

	if (start->sp & 7 || start->sp < cw_thread.stack_low || start->sp >= cw_thread.stack_high ||
	    !cw_layouts_last())
		return 0;
	for (unsigned int i = 0; i < WAYS && !id; i++)
		id = read_entry(&set->way[i], start, session);
	return id;
}

/* Where a walk from here goes: over what it was before, else into what is free. */
static struct entry *entry_for(struct set *set, const struct cw_walk_start *start, uint64_t session)
{
	struct entry *unused = NULL;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (is_of(&set->way[i], start, session))
			return &set->way[i];
		if (get(set->way[i].session) != session)
			unused = &set->way[i];
	}
	return unused;
}

bool cw_memo_wants(const struct cw_walk_start *start, uint64_t session)
{
	struct set *set = set_of(start);
	struct entry *entry = entry_for(set, start, session);
	unsigned int misses;

	if (entry && get(entry->session) != session)
		return true;
	/* Not exact when threads meet here, which matters nothing. */
	misses = get(set->misses) + 1;
	put(set->misses, misses);
	return misses % MISSES == 0;
}

static void write_entry(struct entry *entry, const struct cw_walk_start *start, uint64_t session,
			const struct cw_walk_trace *trace, uint32_t id)
{
	put(entry->id, id);
	put(entry->session, session);
	put(entry->ip, start->ip);
	put(entry->sp, start->sp);
	put(entry->bp, start->bp);
	put(entry->needs_bp, trace->needs_bp);
	put(entry->words, trace->words);
	for (uint32_t i = 0; i < trace->words; i++)
		put(entry->word[i],
		    (uint64_t)(trace->offset[i] / 8) << VALUE_BITS | trace->value[i]);
}

/* Addresses have 47 bits (Documentation/arch/x86/x86_64/mm.rst), unless mmap() is asked for more.
 */
static bool can_pack(const struct cw_walk_trace *trace)
{
	for (uint32_t i = 0; i < trace->words; i++)
		if (trace->offset[i] / 8 >> (64 - VALUE_BITS) || trace->value[i] >> VALUE_BITS)
			return false;
	return true;
}

void cw_memo_keep(const struct cw_walk_start *start, uint64_t session,
		  const struct cw_walk_trace *trace, uint32_t id)
{
	struct set *set = set_of(start);
	struct entry *entry = entry_for(set, start, session);
	unsigned int sequence;

	if (!entry)
		entry = &set->way[get(set->misses) / MISSES % WAYS];
	sequence = get(entry->sequence);
	if (sequence & 1 || !can_pack(trace) ||
	    !atomic_compare_exchange_strong_explicit(&entry->sequence, &sequence, sequence + 1,
						     memory_order_acquire, memory_order_relaxed))
		return;
	atomic_thread_fence(memory_order_release);
	write_entry(entry, start, session, trace, id);
	atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
}
