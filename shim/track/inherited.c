/* SPDX-License-Identifier: MIT */
/*
 * What a forked child does to sockets that it inherited, noted in the slot of the session that they
 * were recorded in: there the parent's report finds it, also when the child is long gone.
 */
#include "track/inherited.h"

#include "core/thread.h"
#include "track/identity.h"
#include "track/mark.h"
#include "track/slots.h"

#include "core/poison.h"

/* The family's record of this descriptor, if it is an inherited socket. */
static struct cw_slot *find_inherited(int fd)
{
	struct cw_slot *mine = cw_slots_find(fd);

	if (!cw_session_family() || (mine && mine->via != CW_VIA_FORK))
		return NULL;
	return cw_slots_find_inherited(fd, mine ? mine->cookie : cw_identity_cookie(fd));
}

/* Opens the note of a record for writing.  Two children that note at once may mix; each is true. */
static struct cw_note *open_note(struct cw_slot *record)
{
	struct cw_map *family = cw_session_family();
	uint32_t seq = cw_session_family_fork();
	struct cw_note *note = &record->note;
	struct cw_fork *fork;

	if (note->cookie_lo != (uint32_t)record->cookie)
		*note = (struct cw_note){0};
	note->fork_seq = seq;
	note->fork_stack = 0;
	fork = seq ? cw_session_peek(family, CW_SECTION_FORKS, (seq - 1) % CW_FORKS) : NULL;
	if (fork && fork->seq == seq)
		note->fork_stack = fork->stack;
	return note;
}

static void close_note(struct cw_slot *record)
{
	/* Release: pairs with the reader, which believes a note only if the cookie matches. */
	__atomic_store_n(&record->note.cookie_lo, (uint32_t)record->cookie, __ATOMIC_RELEASE);
}

/*
 * Each child of a forking server closes, with its own connection, the copies that it got of all
 * others.  The close that tells the story is that of the child which read the end-of-file; where
 * nobody did, of the one forked first after the socket came, for it was made to serve it.
 */
static bool is_bystander(const struct cw_slot *record)
{
	const struct cw_note *note = &record->note;

	if (note->cookie_lo != (uint32_t)record->cookie || !note->closed.t)
		return false;
	if (note->eof.t)
		return CW_WHO_ID(note->eof.who) != (uint32_t)cw_process_id() &&
		       CW_WHO_ID(note->eof.who) == CW_WHO_ID(note->closed.who);
	return cw_session_family_fork() > note->fork_seq;
}

void cw_inherited_note(unsigned int fn, int fd, bool is_eof)
{
	struct cw_slot *record = find_inherited(fd);
	struct cw_note *note;
	struct cw_mark made;

	if (!record)
		return;
	if (!is_eof && is_bystander(record)) {
		record->note.closes++;
		return;
	}
	made = cw_mark_of(cw_session_family(), fn, cw_process_id());
	note = open_note(record);
	if (is_eof) {
		note->eof = made;
	} else {
		note->closed = made;
		note->closes++;
	}
	close_note(record);
}
