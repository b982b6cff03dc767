/* SPDX-License-Identifier: MIT */
/*
 * The meaning of the host's calls on sockets that are there (creation.c has those that make them).
 * A process records into its own session, which it gets at its first socket.  A forked child
 * without one leaves notes about sockets that it inherited in the slots of the session it came
 * from, where the parent's report finds them.
 */
#include "track/events.h"

#include <errno.h>
#include <linux/close_range.h>

#include "core/error.h"
#include "core/options.h"
#include "core/real.h"
#include "core/thread.h"
#include "track/forks.h"
#include "track/handed.h"
#include "track/identity.h"
#include "track/inherited.h"
#include "track/mark.h"
#include "track/misclosed.h"
#include "track/ring.h"
#include "track/probe.h"
#include "track/session.h"
#include "track/sites.h"
#include "track/slots.h"
#include "track/threshold.h"
#include "track/turns.h"

#include "core/poison.h"

/* How often a read that would have blocked gets a stack: before any write, and in a TLS session. */
enum { WAITS_AT_START = 3, WAITS_IN_TLS = 10 };

static CW_FORKED bool is_exiting;
static CW_FORKED void (*close_watcher)(void);

void cw_events_watch_closes(void (*function)(void))
{
	close_watcher = function;
}

void cw_events_enter_exit(void)
{
	is_exiting = true;
	close_watcher = NULL;
}

/*
 * The process's own record of fd, opened for writing, and a mark of now: the stack is walked before
 * the lock is taken.  NULL: it has none.
 */
static struct cw_slot *begin_marked(unsigned int fn, int fd, struct cw_mark *ret_mark)
{
	if (!cw_slots_find(fd))
		return NULL;
	*ret_mark = cw_mark_here(cw_session_own(), fn);
	return cw_slots_begin(fd);
}

/* --- End-of-file and shutdown -------------------------------------------------------------------
 */

void cw_note_eof(unsigned int fn, int fd)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (!cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return;
	cw_executed_settle();
	found = cw_slots_find(fd);
	/* A loop that reads end-of-file over and over is told once. */
	if (found && found->eof.tick)
		return;
	cw_inherited_note(fn, fd, true);
	if (!found)
		return;
	found = begin_marked(fn, fd, &made);
	if (!found)
		return;
	found->eof = made;
	cw_thread.eof_cookie = found->cookie;
	cw_thread.eof_fd = fd;
	cw_slots_commit(found);
	cw_threshold_count(1);
}

/* A write after the peer's end-of-file, or a TLS alert: it says when, and by which stack. */
static void note_marked_write(unsigned int fn, int fd)
{
	struct cw_slot *found;
	struct cw_mark made;

	found = cw_forks_may_record() ? begin_marked(fn, fd, &made) : NULL;
	if (!found)
		return;
	found->last = made;
	found->waited = (struct cw_mark){0};
	cw_slots_commit(found);
}

/* Something was moved, so nothing is waited for; and by a write, so the alert was not the last. */
static void outdate_marks(int fd, bool is_write)
{
	struct cw_slot *found = cw_slots_begin(fd);

	if (!found)
		return;
	found->waited = (struct cw_mark){0};
	if (is_write)
		found->last = (struct cw_mark){.who = found->last.who};
	cw_slots_commit(found);
}

/* cw_thread_id() makes the id known that cw_set_last() takes. */
static void set_last(struct cw_slot *slot, unsigned int fn)
{
	cw_thread_id();
	cw_set_last(slot, fn);
}

void cw_note_odd_read(unsigned int fn, int fd)
{
	struct cw_slot *found = cw_slots_find(fd);

	if (!found)
		return;
	if (found->waited.tick)
		outdate_marks(fd, false);
	cw_turns_count(found, false);
	if (!found->last.tick)
		set_last(found, fn);
}

void cw_note_odd_write(unsigned int fn, int fd, uint8_t wrote)
{
	struct cw_slot *found = cw_slots_find(fd);

	if (!found)
		return;
	if (!found->wrote)
		__atomic_store_n(&found->wrote, wrote, __ATOMIC_RELAXED);
	cw_turns_count(found, true);
	if (found->eof.tick || wrote == CW_WROTE_ALERT) {
		note_marked_write(fn, fd);
		return;
	}
	if (found->waited.tick | found->last.tick)
		outdate_marks(fd, true);
	set_last(found, fn);
}

void cw_note_executed_use(unsigned int fn, int fd, uint8_t wrote)
{
	int error = errno;

	if (!cw_forks_may_record())
		return;
	cw_executed_settle();
	if (wrote)
		cw_note_odd_write(fn, fd, wrote);
	else
		cw_note_odd_read(fn, fd);
	cw_error_restore(error);
}

/*
 * A read that would have blocked.  Where a connection has come to rest before it was of any use is
 * worth a stack, a few times: at its beginning, and in a TLS session, where making that many stacks
 * is little beside the handshake.
 */
static void note_wait(unsigned int fn, int fd)
{
	struct cw_slot *found = cw_slots_find(fd);
	struct cw_mark made;

	if (!found || found->waited.tick || found->eof.tick || found->wrote > CW_WROTE_HANDSHAKE ||
	    found->waits >= (found->wrote ? WAITS_IN_TLS : WAITS_AT_START) ||
	    !cw_forks_may_record())
		return;
	found = begin_marked(fn, fd, &made);
	if (!found)
		return;
	found->waited = made;
	found->waits++;
	cw_slots_commit(found);
}

void cw_note_read_error(unsigned int fn, int fd)
{
	int error = errno;

	if (error != EAGAIN) {
		cw_note_io_error(fn, fd);
	} else if (cw_slots_is_tracked(fd)) {
		note_wait(fn, fd);
		cw_error_restore(error);
	}
}

/* A call failed because the number is of nothing, or of no socket. */
static void note_use_of_closed(int fd)
{
	struct cw_map *map = cw_session_own();

	if (map && cw_forks_may_record())
		cw_misclosed_used(map, fd);
}

void cw_note_io_error(unsigned int fn, int fd)
{
	int error = errno;
	struct cw_slot *found;

	if (error == EBADF || error == ENOTSOCK) {
		note_use_of_closed(fd);
		cw_error_restore(error);
		return;
	}
	if ((error != ECONNRESET && error != ETIMEDOUT && error != EPIPE) ||
	    !cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return;
	found = cw_slots_begin(fd);
	if (found) {
		found->flags |= CW_SLOT_RESET;
		cw_slots_commit(found);
	}
}

int cw_on_shutdown(unsigned int fn, int ret, int fd, int how)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (ret < 0 || !cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return ret;
	cw_executed_settle();
	if (how != SHUT_RD)
		cw_inherited_note(fn, fd, false);
	found = begin_marked(fn, fd, &made);
	if (!found)
		return ret;
	found->shutdown = made;
	if (how != SHUT_WR)
		found->flags |= CW_SLOT_SHUT_RD;
	if (how != SHUT_RD)
		found->flags |= CW_SLOT_SHUT_WR;
	cw_slots_commit(found);
	return ret;
}

/* An event loop was told to forget the socket. */
int cw_on_unpolled(unsigned int fn, int ret, int fd)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (ret < 0 || !cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return ret;
	found = begin_marked(fn, fd, &made);
	if (!found)
		return ret;
	found->unpolled = made;
	cw_slots_commit(found);
	return ret;
}

/* --- Close and duplication ----------------------------------------------------------------------
 */

/* Is another descriptor of this process the same socket?  Only asked of sockets that were
 * duplicated. */
static bool has_duplicate(const struct cw_slot *slot)
{
	uint32_t end = cw_slots_end();

	for (uint32_t fd = 0; fd < end; fd++) {
		struct cw_slot *other = cw_slots_find((int)fd);

		if (other && other != slot && other->cookie == slot->cookie)
			return true;
	}
	return false;
}

static void count_close(struct cw_map *map, const struct cw_slot *slot, uint64_t now)
{
	if (slot->via == CW_VIA_FORK)
		return;
	if ((slot->via == CW_VIA_DUP || slot->flags & CW_SLOT_WAS_DUPED) && has_duplicate(slot))
		return;
	cw_count(map->header->closed);
	cw_site_closed(map, slot->created.stack, CW_MARK_T(slot->created), now,
		       slot->last.who || slot->eof.tick);
}

/* At exit the slot stays, so that the report can say what the teardown closed. */
static void mark_closed_at_exit(unsigned int fn, int fd)
{
	struct cw_mark made;
	struct cw_slot *slot = begin_marked(fn, fd, &made);

	if (!slot)
		return;
	slot->closed = made;
	slot->flags |= CW_SLOT_CLOSED_AT_EXIT;
	cw_slots_commit(slot);
}

/*
 * Is the close of an accepted connection, whose end nobody has read, so late?  Only the kernel
 * knows; it is asked where the connection is old enough.  A client's pool may take its time.
 */
static bool is_late_unread(const struct cw_slot *slot, struct cw_slot *copy, uint64_t now)
{
	int error = errno;
	bool is_late;

	if (slot->role != CW_ROLE_ACCEPTED ||
	    now - CW_MARK_T(slot->created) < cw_options.late.number)
		return false;
	*copy = *slot;
	is_late = cw_probe_is_long_gone(copy, cw_options.late.number);
	cw_error_restore(error);
	return is_late;
}

/* So long after its end that the close is news by itself?  If so, fills *copy. */
static bool is_late(struct cw_map *map, const struct cw_slot *slot, struct cw_slot *copy,
		    uint64_t now)
{
	if (slot->via == CW_VIA_FORK)
		return false;
	if (slot->eof.tick ? now - CW_MARK_T(slot->eof) < cw_options.late.number
			   : !is_late_unread(slot, copy, now))
		return false;
	if (slot->eof.tick)
		*copy = *slot;
	cw_count(map->header->closed_late);
	return true;
}

static void forget(struct cw_map *map, unsigned int fn, int fd, struct cw_slot *slot)
{
	bool has_siblings = slot->flags & CW_SLOT_WAS_DUPED || slot->via == CW_VIA_DUP;
	bool is_shared = __atomic_load_n(&map->header->forks, __ATOMIC_RELAXED) > slot->fork_seq ||
			 has_siblings;
	struct cw_slot *handed = NULL, copy;
	uint64_t now = cw_now();
	bool is_kept = is_late(map, slot, &copy, now);

	/* Who may look for this record later: children forked since, and the report on a duplicate,
	 * on a sender that kept its own, on what was sent and not received, or closed late. */
	if (!is_kept && (is_shared || slot->via == CW_VIA_PASSED || slot->via == CW_VIA_EXEC ||
			 slot->passed.tick)) {
		copy = *slot;
		is_kept = true;
	}
	if (is_kept) {
		copy.closed = cw_mark_here(map, fn);
		copy.flags |= is_shared ? CW_SLOT_SHARED : 0;
		handed = cw_handed_store(map, &copy);
	}
	if (slot->eof.tick)
		cw_threshold_count(-1);
	count_close(map, slot, now);
	cw_slots_drop(fd);
	cw_handed_follow(handed, slot);
}

void cw_events_gone(unsigned int fn, int fd)
{
	struct cw_map *map = cw_session_own();
	struct cw_slot *slot = cw_slots_find(fd);

	cw_inherited_note(fn, fd, false);
	if (!slot)
		cw_slots_drop(fd);
	else if (is_exiting && slot->probe.flags & CW_PROBE_FIN_SEEN)
		mark_closed_at_exit(fn, fd);
	else
		forget(map, fn, fd, slot);
}

void cw_before_close(unsigned int fn, int fd)
{
	if (!cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return;
	if (close_watcher)
		close_watcher();
	if (cw_thread.eof_cookie && cw_slots_find(fd))
		cw_misclosed_before_close(cw_session_own(), fn, cw_slots_find(fd));
	cw_events_gone(fn, fd);
}

void cw_note_close(unsigned int fn, int ret, int fd)
{
	int error = errno;
	struct cw_map *map = cw_session_own();
	uint64_t cookie = cw_thread.eof_cookie;

	if (fd < 0)
		return; /* close(-1) says nothing of where the number got lost */
	if (cookie)
		cw_thread.eof_cookie = 0;
	if (ret == 0 || error != EBADF || !map || !cw_forks_may_record())
		return;
	if (cookie && fd != cw_thread.eof_fd)
		cw_ring_add(map, fn, cookie, fd, -error);
	else
		cw_misclosed_used(map, fd);
	cw_error_restore(error);
}

void cw_before_close_range(unsigned int fn, unsigned int first, unsigned int last, int flags)
{
	uint32_t end = cw_slots_end();

	for (uint32_t fd = first; fd < end && fd <= last; fd++)
		if (flags & (int)CLOSE_RANGE_CLOEXEC)
			cw_on_cloexec((int)fd, true);
		else
			cw_before_close(fn, (int)fd);
}

void cw_on_fdopen(unsigned int fn, int fd)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (!cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return;
	found = begin_marked(fn, fd, &made);
	if (!found)
		return;
	found->via_mark = made;
	cw_slots_commit(found);
}

/* --- Descriptors that travel ---------------------------------------------------------------------
 */

void cw_on_right_sent(unsigned int fn, int fd)
{
	int error = errno;
	struct cw_slot *found;
	struct cw_mark made;

	if (!cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return;
	cw_executed_settle();
	found = begin_marked(fn, fd, &made);
	if (found) {
		found->passed = made;
		cw_set_last(found, fn); /* another call there later is a use since */
		cw_slots_commit(found);
	}
	cw_error_restore(error);
}
