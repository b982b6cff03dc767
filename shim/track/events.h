/* SPDX-License-Identifier: MIT */
/*
 * The verbs: what a call of the host means for the table.  Each cw_on_ verb is given what the real
 * function returned and returns exactly that, with errno as it was; cw_before_ verbs are called
 * where the record must precede the call, because another thread may get the freed number at once.
 * All are async-signal-safe and no cancellation points.
 */
#ifndef CW_TRACK_EVENTS_H
#define CW_TRACK_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "core/thread.h"
#include "track/accepting.h"
#include "track/executed.h"
#include "track/record.h"
#include "track/slots.h"

/* socket(domain, type, ...) returned fd. */
int cw_on_socket(unsigned int fn, int fd, int domain, int type);

/* socketpair(domain, type, ...) returned ret and filled fds. */
int cw_on_socketpair(unsigned int fn, int ret, int type, const int fds[2]);

/* accept on the descriptor `listener`, begun with cw_accepting_begin(), returned fd. */
int cw_on_accept(unsigned int fn, int fd, int listener, int flags, const struct cw_accepting *call);

int cw_on_connect(unsigned int fn, int ret, int fd, const struct sockaddr *addr, socklen_t len);
int cw_on_unpolled(unsigned int fn, int ret, int fd);
int cw_on_shutdown(unsigned int fn, int ret, int fd, int how);

void cw_before_close(unsigned int fn, int fd);

/*
 * close(fd) returned ret.  A thread that has read an end-of-file and then closes a number that is
 * not open meant another one: that is kept.  So is a close that took the number from somebody who
 * still used it.  One load where no end-of-file was read before.
 */
void cw_note_close(unsigned int fn, int ret, int fd);
static inline int cw_on_close(unsigned int fn, int ret, int fd)
{
	if (__builtin_expect(cw_thread.eof_cookie != 0 || ret < 0, 0))
		cw_note_close(fn, ret, fd);
	return ret;
}

/* The number is of something else from now on, or of nothing. */
void cw_events_gone(unsigned int fn, int fd);

/* A call made descriptor `to` from `from`, replacing what `to` was. */
int cw_on_dup(unsigned int fn, int to, int from, bool is_cloexec);

/* fcntl(fd, cmd, arg) returned ret: it may have made a descriptor, or set close-on-exec. */
int cw_on_fcntl(unsigned int fn, int ret, int fd, int cmd, int arg);

/* The descriptor is closed by the next exec, or no longer is. */
void cw_on_cloexec(int fd, bool is_cloexec);

/* close_range(first, last, flags), closefrom: what is tracked in the range goes, or
 * becomes close-on-exec. */
void cw_before_close_range(unsigned int fn, unsigned int first, unsigned int last, int flags);

/* fdopen(fd) succeeded. */
void cw_on_fdopen(unsigned int fn, int fd);

/* A descriptor was sent with, or arrived in, a message (or by pidfd_getfd). */
void cw_on_right_sent(unsigned int fn, int fd);
void cw_on_right_received(unsigned int fn, int fd);

/* The slow half of cw_on_read() and cw_on_write(). */
void cw_note_odd_read(unsigned int fn, int fd);
void cw_note_odd_write(unsigned int fn, int fd, uint8_t wrote);
void cw_note_read_error(unsigned int fn, int fd);
void cw_note_eof(unsigned int fn, int fd);
void cw_note_io_error(unsigned int fn, int fd);

/* One aligned store; a reader that meets it half-way reads the one before or this one. */
static inline void cw_set_last(struct cw_slot *slot, unsigned int fn)
{
	__atomic_store_n(&slot->last.who, CW_WHO(cw_thread.tid, fn), __ATOMIC_RELAXED);
}

/* 0 if it did not happen: tick and stack in one load. */
static inline uint64_t cw_when(const struct cw_mark *mark)
{
	uint64_t both;

	__builtin_memcpy(&both, mark, sizeof(both));
	return both;
}

/* A connection that came through exec is used, and there is no session yet; CW_WROTE_NOTHING: by a
 * read. */
void cw_note_executed_use(unsigned int fn, int fd, uint8_t wrote);

/* Data came on a tracked descriptor.  Odd is where more than who it was is to be written down. */
static inline void cw_note_read(unsigned int fn, int fd)
{
	struct cw_slot *slot = cw_slots_tracked_slot(fd);

	if (!slot) {
		if (cw_executed_waiting)
			cw_note_executed_use(fn, fd, CW_WROTE_NOTHING);
		return;
	}
	if (__builtin_expect((cw_when(&slot->waited) | cw_when(&slot->last) | slot->talk) != 0 ||
				     !cw_thread.tid,
			     0))
		cw_note_odd_read(fn, fd);
	else
		cw_set_last(slot, fn);
}

static inline void cw_note_write(unsigned int fn, int fd, uint8_t wrote)
{
	struct cw_slot *slot = cw_slots_tracked_slot(fd);

	if (!slot) {
		if (cw_executed_waiting)
			cw_note_executed_use(fn, fd, wrote);
		return;
	}
	if (__builtin_expect((cw_when(&slot->eof) | cw_when(&slot->waited) | cw_when(&slot->last) |
			      slot->talk) != 0 ||
				     !slot->wrote || wrote == CW_WROTE_ALERT || !cw_thread.tid,
			     0))
		cw_note_odd_write(fn, fd, wrote);
	else
		cw_set_last(slot, fn);
}

/*
 * A read that wanted `wanted` bytes returned ret.  One that got data costs a load on a descriptor
 * that is not tracked, and a few and a store of who it was on one that is: no system call, no
 * clock, no function.
 */
static inline ssize_t cw_on_read(unsigned int fn, ssize_t ret, int fd, size_t wanted)
{
	if (__builtin_expect(ret > 0, 1)) {
		if (cw_slots_is_tracked(fd))
			cw_note_read(fn, fd);
	} else if (ret < 0) {
		cw_note_read_error(fn, fd);
	} else if (wanted) {
		cw_note_eof(fn, fd);
	}
	return ret;
}

/*
 * A write returned ret.  What it said costs a look at its first bytes, on a descriptor that is
 * tracked.  After the peer's end-of-file was read, and where it is a TLS alert, it is recorded with
 * time and stack.  data: the bytes, NULL if they cannot be seen.
 */
static inline ssize_t cw_on_write(unsigned int fn, ssize_t ret, int fd, const void *data)
{
	if (__builtin_expect(ret > 0, 1)) {
		if (cw_slots_is_tracked(fd))
			cw_note_write(fn, fd, cw_record_of(data, (size_t)ret));
	} else if (ret < 0) {
		cw_note_io_error(fn, fd);
	}
	return ret;
}

/* The same of a write of several pieces. */
static inline ssize_t cw_on_writev(unsigned int fn, ssize_t ret, int fd, const struct iovec *iov,
				   size_t count)
{
	if (__builtin_expect(ret > 0, 1)) {
		if (cw_slots_is_tracked(fd))
			cw_note_write(fn, fd, cw_record_of_vector(iov, count, (size_t)ret));
	} else if (ret < 0) {
		cw_note_io_error(fn, fd);
	}
	return ret;
}

/*
 * Calls function before each close of a tracked descriptor, until the process enters exit.  It must
 * be async-signal-safe.
 */
void cw_events_watch_closes(void (*function)(void));

/* The process has entered exit: from now on closes leave the slot and only mark it. */
void cw_events_enter_exit(void);

#endif
