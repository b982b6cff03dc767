/* SPDX-License-Identifier: MIT */
/*
 * Notes about inherited sockets, left in the family's session.
 */
#ifndef CW_TRACK_INHERITED_H
#define CW_TRACK_INHERITED_H

#include <stdbool.h>

#include "track/session.h"

/*
 * Was the socket of this slot of the session handed down by fork, under this number or under the
 * one that it is a duplicate of?  Then it is recorded in the family's session too.
 */
bool cw_inherited_is(const struct cw_map *map, const struct cw_slot *slot);

/* What cw_inherited_note() does in a process that was forked by one with a session. */
void cw_inherited_write(unsigned int fn, int fd, bool is_eof);

/*
 * If fd is a socket that this process inherited: notes that it read end-of-file (is_eof), else that
 * it closed it or shut it down.  One system call; async-signal-safe.
 */
static inline void cw_inherited_note(unsigned int fn, int fd, bool is_eof)
{
	if (cw_session_family())
		cw_inherited_write(fn, fd, is_eof);
}

/*
 * `from` is a session that was forked from the family's, and is about to be removed: what its
 * process's descendants noted in it is noted in the family's, and what became of sockets that it
 * was sent by the family's owner.  Async-signal-safe.
 */
void cw_inherited_fold(struct cw_map *from);

#endif
