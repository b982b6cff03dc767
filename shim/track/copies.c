/* SPDX-License-Identifier: MIT */
/*
 * Descriptors are duplicated, and made to go or stay when a program is executed.
 */
#include "track/events.h"

#include <fcntl.h>

#include "track/forks.h"
#include "track/mark.h"
#include "track/session.h"
#include "track/slots.h"

#include "core/poison.h"

static uint8_t with_cloexec(uint8_t flags, bool is_cloexec)
{
	return (uint8_t)((flags & ~CW_SLOT_CLOEXEC) | (is_cloexec ? CW_SLOT_CLOEXEC : 0));
}

static void record_duplicate(unsigned int fn, int to, struct cw_slot *origin, bool is_cloexec)
{
	struct cw_map *map = cw_session_own();
	struct cw_slot copy = *origin, *locked;

	locked = cw_slots_begin(origin->fd);
	if (locked) {
		locked->flags |= CW_SLOT_WAS_DUPED;
		cw_slots_commit(locked);
	}
	copy.via = CW_VIA_DUP;
	copy.via_mark = cw_mark_here(map, fn);
	copy.last = (struct cw_mark){0};
	copy.fork_seq = (uint32_t)__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED);
	copy.unpolled = (struct cw_mark){0}; /* sets are of numbers, epoll(7) */
	copy.from_fd = origin->fd;
	copy.fd = to;
	copy.flags = with_cloexec(copy.flags, is_cloexec);
	cw_slots_put(&copy);
}

int cw_on_dup(unsigned int fn, int to, int from, bool is_cloexec)
{
	struct cw_slot *origin;

	if (to < 0 || to == from || (!cw_slots_is_tracked(to) && !cw_slots_is_tracked(from)) ||
	    !cw_forks_may_record())
		return to;
	if (cw_slots_is_tracked(to))
		cw_events_gone(fn, to);
	if (!cw_slots_is_tracked(from))
		return to;
	origin = cw_slots_find(from);
	if (origin) {
		record_duplicate(fn, to, origin, is_cloexec);
	} else {
		cw_slots_track_number(to);
		cw_forks_note_dup();
	}
	return to;
}

void cw_on_cloexec(int fd, bool is_cloexec)
{
	struct cw_slot *found;

	if (!cw_slots_is_tracked(fd) || !cw_forks_may_record())
		return;
	found = cw_slots_begin(fd);
	if (!found)
		return;
	found->flags = with_cloexec(found->flags, is_cloexec);
	cw_slots_commit(found);
}

int cw_on_fcntl(unsigned int fn, int ret, int fd, int cmd, int arg)
{
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return cw_on_dup(fn, ret, fd, cmd == F_DUPFD_CLOEXEC);
	if (cmd == F_SETFD && ret == 0)
		cw_on_cloexec(fd, arg & FD_CLOEXEC);
	return ret;
}
