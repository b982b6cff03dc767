/* SPDX-License-Identifier: MIT */
/*
 * What a forked child does to sockets that it inherited, noted in the slot of the session that they
 * were recorded in: there the parent's report finds it, also when the child is long gone.
 */
#include "track/inherited.h"

#include "core/thread.h"
#include "track/handed.h"
#include "track/mark.h"
#include "track/slots.h"
#include "track/stacks.h"

#include "core/poison.h"

enum {
	MOVES = 3,		 /* how often a record may move while a note is written */
	RECEIVED_LOOKED_AT = 256 /* descriptors of a process that ends with what it was sent open */
};

bool cw_inherited_is(const struct cw_map *map, const struct cw_slot *slot)
{
	return slot->via == CW_VIA_FORK ||
	       (slot->via == CW_VIA_DUP && CW_MARK_T(slot->created) < map->header->t_forked);
}

/* The socket that this descriptor is, if it may be an inherited one; else 0. */
static uint64_t inherited_cookie(int fd)
{
	struct cw_slot *mine = cw_slots_find(fd);

	if (!cw_session_family() || (mine && !cw_inherited_is(cw_session_own(), mine)))
		return 0;
	return mine ? mine->cookie : cw_slots_inherited_cookie(fd);
}

/*
 * Opens the note in the record of a socket for writing, by a descendant that came from fork number
 * `seq` of the family's owner.  Two children that note at once may mix; each is true.  The record
 * may come to be another socket's meanwhile, for which the cookie makes it void.
 */
static struct cw_note *open_note(struct cw_slot *record, uint64_t cookie, uint32_t seq)
{
	struct cw_map *family = cw_session_family();
	struct cw_note *note = &record->note;
	struct cw_fork *fork;

	if (note->cookie_lo != (uint32_t)cookie)
		*note = (struct cw_note){0};
	note->fork_seq = seq;
	note->fork_stack = 0;
	fork = seq ? cw_session_peek(family, CW_SECTION_FORKS, (seq - 1) % CW_FORKS) : NULL;
	if (fork && fork->seq == seq)
		note->fork_stack = fork->stack;
	return note;
}

static void close_note(struct cw_slot *record, uint64_t cookie)
{
	/* Release: pairs with the reader, which believes a note only if the cookie matches. */
	__atomic_store_n(&record->note.cookie_lo, (uint32_t)cookie, __ATOMIC_RELEASE);
}

/*
 * Each child of a forking server closes, with its own connection, the copies that it got of all
 * others.  The close that tells the story is that of the child which read the end-of-file; where
 * nobody did, of the one forked first after the socket came, for it was made to serve it.
 */
static bool is_bystander(const struct cw_slot *record, uint64_t cookie)
{
	const struct cw_note *note = &record->note;

	if (note->cookie_lo != (uint32_t)cookie || !note->closed.tick)
		return false;
	if (note->eof.tick)
		return CW_WHO_ID(note->eof.who) != (uint32_t)cw_process_id() &&
		       CW_WHO_ID(note->eof.who) == CW_WHO_ID(note->closed.who);
	return cw_session_family_fork() > note->fork_seq;
}

static bool is_told_already(struct cw_slot *record, uint64_t cookie, bool is_eof)
{
	if (is_eof || !is_bystander(record, cookie))
		return false;
	record->note.closes++;
	return true;
}

static void write_note(struct cw_slot *record, uint64_t cookie, struct cw_mark made, bool is_eof)
{
	struct cw_note *note = open_note(record, cookie, cw_session_family_fork());

	if (is_eof) {
		note->eof = made;
	} else {
		note->closed = made;
		note->closes++;
	}
	close_note(record, cookie);
}

static struct cw_mark mark_here(unsigned int fn)
{
	return CW_MARK(cw_now_once(), cw_stack_here(cw_session_family()),
		       CW_WHO(cw_process_id(), fn));
}

/*
 * The owner may close the socket meanwhile, which moves its record to those closed last, and close
 * others, which moves it on.  Then either it has taken the note along (cw_handed_follow()), or the
 * record is looked for again: there are no more than MOVES places for it.
 */
void cw_inherited_write(unsigned int fn, int fd, bool is_eof)
{
	uint64_t cookie = inherited_cookie(fd);
	struct cw_slot *record = cw_slots_find_inherited(fd, cookie);
	struct cw_mark made;

	if (!record)
		return;
	if (is_told_already(record, cookie, is_eof))
		return;
	made = mark_here(fn);
	for (int tries = 0; tries < MOVES; tries++) {
		record = cw_slots_find_inherited(fd, cookie);
		if (!record)
			return;
		/* Once more: walking the stack took its time, and the reader may have closed. */
		if (!tries && is_told_already(record, cookie, is_eof))
			return;
		write_note(record, cookie, made, is_eof);
		/* Pairs with the fence in cw_handed_follow(). */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (__atomic_load_n(&record->cookie, __ATOMIC_RELAXED) == cookie)
			return;
	}
}

/* --- Notes of descendants go up when the session in which they stand goes. --- */

static bool is_valid(const struct cw_slot *slot)
{
	return slot->cookie && slot->note.cookie_lo == (uint32_t)slot->cookie;
}

static bool is_by_reader(const struct cw_note *note, const struct cw_mark *closed)
{
	return note->eof.tick && CW_WHO_ID(note->eof.who) == CW_WHO_ID(closed->who);
}

static struct cw_mark lift(struct cw_map *from, struct cw_mark mark)
{
	mark.stack = CW_MARK_STACK(cw_stack_copy(cw_session_family(), from, mark.stack));
	return mark;
}

/* The first reader counts, and the close that tells the story (see is_bystander()). */
static void merge(struct cw_slot *record, struct cw_map *from, const struct cw_slot *slot)
{
	const struct cw_note *note = &slot->note;
	struct cw_note *to = open_note(record, slot->cookie, from->header->parent_fork_seq);

	if (note->eof.tick && !to->eof.tick)
		to->eof = lift(from, note->eof);
	if (note->closed.tick && (!to->closed.tick || (is_by_reader(to, &note->closed) &&
						       !is_by_reader(to, &to->closed))))
		to->closed = lift(from, note->closed);
	to->closes += note->closes;
	close_note(record, slot->cookie);
}

static void fold_slot(struct cw_map *from, const struct cw_slot *slot)
{
	struct cw_slot *record;

	if (!slot || !is_valid(slot) || !cw_inherited_is(from, slot))
		return;
	record = cw_slots_find_inherited(slot->fd, slot->cookie);
	if (record)
		merge(record, from, slot);
}

/* A mark of the session's own process: notes are signed by processes, not by threads. */
static struct cw_mark lift_own(struct cw_map *from, struct cw_mark mark)
{
	if (mark.tick)
		mark.who = CW_WHO((uint32_t)from->header->pid, CW_WHO_FN(mark.who));
	return lift(from, mark);
}

static bool is_told_of(const struct cw_slot *received)
{
	return received && received->cookie && received->via == CW_VIA_PASSED &&
	       (received->eof.tick || received->closed.tick);
}

/* One bit of 64 for each cookie, to see at a glance that a socket is none of those. */
static uint64_t bit_of(uint64_t cookie)
{
	return 1ull << cookie % 64;
}

/* Of the sockets that this process was sent and did something with. */
static uint64_t bits_of_received(struct cw_map *from)
{
	uint32_t used = from->header->section[CW_SECTION_SLOTS].used;
	const struct cw_slot *slot;
	uint64_t bits = 0;

	for (uint32_t i = 0; i < used && i < RECEIVED_LOOKED_AT; i++) {
		slot = cw_session_peek(from, CW_SECTION_SLOTS, i);
		bits |= is_told_of(slot) ? bit_of(slot->cookie) : 0;
	}
	for (uint32_t i = 0; i < CW_HANDED_ALL; i++) {
		slot = cw_handed_peek(from, i);
		bits |= is_told_of(slot) ? bit_of(slot->cookie) : 0;
	}
	return bits;
}

static const struct cw_slot *find_received(struct cw_map *from, uint64_t cookie)
{
	uint32_t used = from->header->section[CW_SECTION_SLOTS].used;
	const struct cw_slot *slot;

	for (uint32_t i = 0; i < CW_HANDED_OF; i++) {
		slot = cw_handed_peek_of(from, cookie, i);
		if (is_told_of(slot) && slot->cookie == cookie)
			return slot;
	}
	for (uint32_t i = 0; i < used && i < RECEIVED_LOOKED_AT; i++) {
		slot = cw_session_peek(from, CW_SECTION_SLOTS, i);
		if (is_told_of(slot) && slot->cookie == cookie)
			return slot;
	}
	return NULL;
}

static void note_received(struct cw_map *from, struct cw_slot *sent)
{
	const struct cw_slot *received = find_received(from, sent->cookie);
	struct cw_note *note;

	if (!received || is_valid(sent))
		return;
	note = open_note(sent, received->cookie, 0);
	note->eof = lift_own(from, received->eof);
	note->closed = lift_own(from, received->closed);
	close_note(sent, received->cookie);
}

/*
 * Of sockets that the family's owner sent and still has.  It may not have come to recording that it
 * sent them: what it sent with sendmsg() can be received, served and closed before that returns.
 */
static void fold_received(struct cw_map *from)
{
	struct cw_map *family = cw_session_family();
	uint32_t used = family->header->section[CW_SECTION_SLOTS].used;
	uint64_t bits = bits_of_received(from);

	for (uint32_t i = 0; bits && i < used && i < family->slots; i++) {
		struct cw_slot *slot = cw_session_peek(family, CW_SECTION_SLOTS, i);

		if (slot && bits & bit_of(slot->cookie) && slot->flags & CW_SLOT_LIVE)
			note_received(from, slot);
	}
}

void cw_inherited_fold(struct cw_map *from)
{
	uint32_t used = from->header->section[CW_SECTION_SLOTS].used;

	if (!cw_session_family())
		return;
	if (from->header->flags & CW_SESSION_RECEIVED)
		fold_received(from);
	if (!from->header->forks)
		return;
	for (uint32_t i = 0; i < used && i < from->slots; i++)
		fold_slot(from, cw_session_peek(from, CW_SECTION_SLOTS, i));
	for (uint32_t i = 0; i < CW_HANDED_ALL; i++)
		fold_slot(from, cw_handed_peek(from, i));
}
