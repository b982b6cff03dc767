/* SPDX-License-Identifier: MIT */
/*
 * The descriptor table lies in the session, one slot a descriptor, each under a sequence lock that
 * is only ever tried.  Beside it, in private memory, one bit a descriptor says what is tracked: it
 * costs one load on the hot path, and fork copies it, so a child knows which sockets it was handed.
 */
#include "track/slots.h"

#include "core/sandbox.h"
#include "core/thread.h"
#include "track/executed.h"
#include "track/handed.h"
#include "track/identity.h"
#include "track/misclosed.h"
#include "track/stacks.h"

#include "core/poison.h"

enum { WRITE_TRIES = 1000 };

CW_FORKED_TABLE _Atomic uint64_t cw_slots_tracked[CW_SLOTS_MAX / 64];
CW_FORKED struct cw_slot *_Atomic cw_slots_table;
static _Atomic uint32_t tracked_end;

uint32_t cw_slots_end(void)
{
	return atomic_load_explicit(&tracked_end, memory_order_relaxed);
}

static void track(int fd)
{
	uint32_t end = cw_slots_end();

	atomic_fetch_or_explicit(&cw_slots_tracked[fd / 64], 1ull << (fd % 64),
				 memory_order_relaxed);
	while (end <= (uint32_t)fd &&
	       !atomic_compare_exchange_weak(&tracked_end, &end, (uint32_t)fd + 1))
		;
}

static void untrack(int fd)
{
	if ((unsigned int)fd < CW_SLOTS_MAX)
		atomic_fetch_and_explicit(&cw_slots_tracked[fd / 64], ~(1ull << (fd % 64)),
					  memory_order_relaxed);
}

/* cw_session_peek() for this one section: each read and write of a tracked socket comes here. */
static inline struct cw_slot *peek(struct cw_map *map, int fd)
{
	uint64_t offset;

	if (!map || (unsigned int)fd >= map->slots)
		return NULL;
	offset = map->header->section[CW_SECTION_SLOTS].offset +
		 (uint64_t)(unsigned int)fd * sizeof(struct cw_slot);
	if (!cw_session_is_backed(map, offset, sizeof(struct cw_slot)))
		return NULL;
	return (struct cw_slot *)((char *)map->header + offset);
}

/* In a process with a session the slot is made real, though nothing is in it. */
void cw_slots_track_number(int fd)
{
	struct cw_map *map = cw_session_own();

	if ((unsigned int)fd >= CW_SLOTS_MAX ||
	    (map && ((unsigned int)fd >= map->slots ||
		     !cw_session_entry(map, CW_SECTION_SLOTS, (uint32_t)fd))))
		return;
	track(fd);
}

static bool lock(struct cw_slot *slot)
{
	for (int tries = 0; tries < WRITE_TRIES; tries++) {
		uint32_t seq = __atomic_load_n(&slot->seq, __ATOMIC_RELAXED);

		/* Acquire and, for readers, the store fence below: odd is seen before any change.
		 */
		if (!(seq & 1) && __atomic_compare_exchange_n(&slot->seq, &seq, seq + 1, false,
							      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			__atomic_thread_fence(__ATOMIC_RELEASE);
			return true;
		}
	}
	return false;
}

struct cw_slot *cw_slots_begin(int fd)
{
	struct cw_slot *slot = peek(cw_session_own(), fd);

	return slot && lock(slot) ? slot : NULL;
}

void cw_slots_commit(struct cw_slot *slot)
{
	/* Release: pairs with a reader's acquire of an even seq. */
	__atomic_store_n(&slot->seq, slot->seq + 1, __ATOMIC_RELEASE);
}

static void copy(struct cw_slot *to, const struct cw_slot *from)
{
	enum { SIZE = sizeof(*to) / CW_SLOTS_PIECES };

	for (size_t i = 0; i < CW_SLOTS_PIECES; i++)
		__builtin_memcpy((char *)to + i * SIZE, (const char *)from + i * SIZE, SIZE);
}

void cw_slots_put(const struct cw_slot *content)
{
	struct cw_map *map = cw_session_own();
	struct cw_slot *slot;
	uint32_t *used, seq;

	if (!map)
		return;
	if ((unsigned int)content->fd >= map->slots) {
		cw_count(map->header->lost_slots);
		return;
	}
	slot = cw_session_entry(map, CW_SECTION_SLOTS, (uint32_t)content->fd);
	if (!slot || !lock(slot)) {
		cw_count(map->header->lost_slots);
		return;
	}
	seq = slot->seq;
	copy(slot, content);
	slot->seq = seq;
	slot->flags |= CW_SLOT_LIVE;
	cw_slots_commit(slot);
	used = &map->header->section[CW_SECTION_SLOTS].used;
	for (uint32_t end = *used; end <= (uint32_t)content->fd;)
		if (__atomic_compare_exchange_n(used, &end, (uint32_t)content->fd + 1, true,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
	track(content->fd);
	cw_misclosed_forget(content->fd);
}

void cw_slots_drop(int fd)
{
	struct cw_slot *slot = cw_slots_begin(fd);

	untrack(fd);
	if (!slot)
		return;
	slot->flags = 0;
	slot->cookie = 0;
	cw_slots_commit(slot);
}

/* The bit goes under the lock: who stores a new socket sets it after that. */
bool cw_slots_drop_if(int fd, uint64_t cookie)
{
	struct cw_slot *slot = cw_slots_begin(fd);
	bool is_same = slot && slot->cookie == cookie;

	if (is_same) {
		untrack(fd);
		slot->flags = 0;
		slot->cookie = 0;
	}
	if (slot)
		cw_slots_commit(slot);
	return is_same;
}

static bool is_record_of(const struct cw_slot *slot, uint64_t cookie)
{
	return slot && slot->cookie == cookie && slot->flags & (CW_SLOT_LIVE | CW_SLOT_SHARED);
}

struct cw_slot *cw_slots_find_inherited(int fd, uint64_t cookie)
{
	struct cw_map *family = cw_session_family();
	struct cw_slot *slot = peek(family, fd);
	uint32_t used;

	if (!family || !cookie)
		return NULL;
	if (is_record_of(slot, cookie))
		return slot;
	slot = cw_handed_find(family, cookie, fd);
	if (slot)
		return slot;
	/* A duplicate under another number: rare, so a walk. */
	used = family->header->section[CW_SECTION_SLOTS].used;
	for (uint32_t i = 0; i < used && i < family->slots; i++) {
		slot = peek(family, (int)i);
		if (is_record_of(slot, cookie))
			return slot;
	}
	return NULL;
}

/* Was it there, under this number, when this process left the family's owner? */
static bool was_there_at_fork(const struct cw_slot *slot)
{
	return slot && slot->cookie && slot->fork_seq < cw_session_family_fork();
}

/* A descriptor that is tracked has been neither closed nor replaced since the fork. */
uint64_t cw_slots_inherited_cookie(int fd)
{
	struct cw_map *family = cw_session_family();
	struct cw_slot *slot;

	if (!cw_is_sandboxed)
		return cw_identity_cookie(fd);
	slot = peek(family, fd);
	if (slot && slot->flags & CW_SLOT_LIVE && was_there_at_fork(slot))
		return slot->cookie;
	slot = family ? cw_handed_find_number(family, fd, cw_session_family_forked_at()) : NULL;
	return was_there_at_fork(slot) ? slot->cookie : 0;
}

static void copy_stacks(struct cw_slot *slot, struct cw_map *to, struct cw_map *from)
{
	slot->created.stack = CW_MARK_STACK(cw_stack_copy(to, from, slot->created.stack));
	slot->eof.stack = CW_MARK_STACK(cw_stack_copy(to, from, slot->eof.stack));
	slot->shutdown.stack = CW_MARK_STACK(cw_stack_copy(to, from, slot->shutdown.stack));
	slot->last.stack = CW_MARK_STACK(cw_stack_copy(to, from, slot->last.stack));
}

/* What the parent knew of the socket, seen from here: its marks up to the fork stay, the rest goes.
 */
static void adopt_one(int fd)
{
	struct cw_map *own = cw_session_own(), *family = cw_session_family();
	uint64_t cookie = cw_slots_inherited_cookie(fd);
	struct cw_slot *record = cw_slots_find_inherited(fd, cookie);
	struct cw_slot mine;

	if (!record) {
		untrack(fd);
		return;
	}
	mine = *record;
	copy_stacks(&mine, own, family);
	mine.passed = (struct cw_mark){0};
	mine.waited = (struct cw_mark){0};
	mine.unpolled = (struct cw_mark){0};
	mine.via = CW_VIA_FORK;
	mine.via_mark = CW_MARK(own->header->t_forked, 0, 0);
	mine.flags &= (uint8_t) ~(CW_SLOT_SHARED | CW_SLOT_CLOSED_AT_EXIT);
	mine.fork_seq = 0;
	mine.fd = fd;
	mine.closed = (struct cw_mark){0};
	mine.note = (struct cw_note){0};
	mine.probe = (struct cw_probe){0};
	cw_slots_put(&mine);
	record = peek(own, fd); /* the table is not open yet */
	if (!record || !(record->flags & CW_SLOT_LIVE))
		untrack(fd);
}

static void adopt_all(void)
{
	uint32_t end = cw_slots_end();

	for (uint32_t word = 0; word * 64 < end; word++) {
		uint64_t bits = atomic_load_explicit(&cw_slots_tracked[word], memory_order_relaxed);

		for (; bits; bits &= bits - 1)
			adopt_one((int)(word * 64) + __builtin_ctzll(bits));
	}
}

void cw_slots_adopt(void)
{
	struct cw_map *map = cw_session_own();
	uint64_t offset = map->header->section[CW_SECTION_SLOTS].offset;

	if (cw_session_family())
		adopt_all();
	else
		cw_executed_adopt();
	/* Release: whoever finds the table finds its slots backed. */
	atomic_store_explicit(&cw_slots_table, (struct cw_slot *)((char *)map->header + offset),
			      memory_order_release);
}

void cw_slots_after_fork(void)
{
	atomic_store_explicit(&cw_slots_table, NULL, memory_order_relaxed);
}
