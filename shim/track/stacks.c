/* SPDX-License-Identifier: MIT */
/*
 * Interning of stacks: an open-addressed index of ids over records that are only ever appended.
 * A record is written completely before its id is published by a compare-and-swap, so readers need
 * no lock; who loses the race to publish the same stack leaves an unused record behind.
 */
#include "track/stacks.h"

#include "core/memo.h"
#include "core/options.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/modules.h"

#include "core/poison.h"

enum {
	/* Few processes have more stacks than a part of the index takes.  Its page is the only one
	 * that is touched then, and that forked children need. */
	NEAR = 4096 / sizeof(cw_stack_id),
	NEAR_PROBES = 16,
	PROBES = 64,
	SOCKETS_FIRST = 16 /* a child that serves only a few writes to no page for walks to come */
};

static uint32_t hash_ips(const uint64_t *ips, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		hash ^= ips[i];
		hash *= 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	return (uint32_t)(hash ^ hash >> 32);
}

static const struct cw_stack *at(const struct cw_map *map, uint32_t id)
{
	const struct cw_section *section = &map->header->section[CW_SECTION_STACKS];

	return (const void *)((const char *)map->header + section->offset + (uint64_t)id * 8);
}

static bool is_same(const struct cw_stack *stack, uint32_t hash, const uint64_t *ips, size_t n)
{
	if (stack->hash != hash || stack->nframes != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (stack->ip[i] != ips[i])
			return false;
	return true;
}

/* Appends a record.  Id 0 is never given out: a new session's `used` is 8. */
static uint32_t append(struct cw_map *map, uint32_t hash, const uint64_t *ips, size_t n,
		       uint16_t flags)
{
	uint32_t *used = &map->header->section[CW_SECTION_STACKS].used;
	uint32_t size = (uint32_t)(sizeof(struct cw_stack) + n * sizeof(uint64_t));
	uint32_t offset = __atomic_fetch_add(used, size, __ATOMIC_RELAXED);
	struct cw_stack *stack = cw_session_range(map, CW_SECTION_STACKS, offset, size);

	if (!stack) {
		__atomic_fetch_sub(used, size, __ATOMIC_RELAXED);
		return 0;
	}
	stack->hash = hash;
	stack->nframes = (uint16_t)n;
	stack->flags = flags;
	for (size_t i = 0; i < n; i++)
		stack->ip[i] = ips[i];
	return offset / 8;
}

/* Where to look for a stack, the i-th time. */
static inline uint32_t place_of(uint32_t hash, uint32_t i)
{
	return (hash + i) % (i < NEAR_PROBES ? NEAR : CW_STACK_INDEX);
}

static uint32_t intern(struct cw_map *map, const uint64_t *ips, size_t n, uint16_t flags)
{
	uint32_t *index = (uint32_t *)((char *)map->header +
				       map->header->section[CW_SECTION_STACK_INDEX].offset);
	uint32_t hash = hash_ips(ips, n), id = 0;

	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t *entry = &index[place_of(hash, i)];
		/* Acquire: pairs with the publishing below. */
		uint32_t seen = __atomic_load_n(entry, __ATOMIC_ACQUIRE);

		if (!seen) {
			if (!id)
				id = append(map, hash, ips, n, flags);
			if (!id)
				break;
			if (__atomic_compare_exchange_n(entry, &seen, id, false, __ATOMIC_RELEASE,
							__ATOMIC_ACQUIRE)) {
				cw_modules_cover(map, ips, n);
				return id;
			}
		}
		if (is_same(at(map, seen), hash, ips, n))
			return seen;
	}
	cw_count(map->header->lost_stacks);
	return 0;
}

/* For core/memo.h: when the process's own session began; 0: nothing is to be kept of its walks. */
static uint64_t number_of(const struct cw_map *map)
{
	const struct cw_session_header *header = map->header;

	return __atomic_load_n(&header->created, __ATOMIC_RELAXED) >= SOCKETS_FIRST &&
			       header->pid == cw_process_id()
		       ? header->t_start
		       : 0;
}

static uint32_t walk(struct cw_map *map, struct cw_walk_trace *trace)
{
	uint64_t ips[CW_STACK_FRAMES_MAX];
	uint16_t flags;
	size_t n = cw_unwind(ips, cw_options.depth.number, &flags, trace);

	return n ? intern(map, ips, n, flags) : 0;
}

static uint32_t walk_and_keep(struct cw_map *map, const struct cw_walk_start *start,
			      uint64_t session)
{
	struct cw_walk_trace trace;
	uint32_t id = walk(map, &trace);

	if (id && trace.is_whole)
		cw_memo_keep(start, session, &trace, id);
	return id;
}

uint32_t cw_stack_here(struct cw_map *map)
{
	uint64_t session = number_of(map);
	struct cw_walk_start start;
	uint32_t id;

	if (!session || !cw_unwind_start(&start))
		return walk(map, NULL);
	id = cw_memo_find(&start, session);
	if (id)
		return id;
	return cw_memo_wants(&start, session) ? walk_and_keep(map, &start, session)
					      : walk(map, NULL);
}

uint32_t cw_stack_copy(struct cw_map *to, struct cw_map *from, uint32_t id)
{
	const struct cw_stack *stack;

	/* Another process's session may be damaged. */
	if (!id || (uint64_t)id * 8 + sizeof(*stack) + CW_STACK_FRAMES_MAX * sizeof(uint64_t) >
			   from->header->section[CW_SECTION_STACKS].size)
		return 0;
	stack = at(from, id);
	return stack->nframes <= CW_STACK_FRAMES_MAX
		       ? intern(to, stack->ip, stack->nframes, stack->flags)
		       : 0;
}
