/* SPDX-License-Identifier: MIT */
/*
 * Memory for one session that needs no system call: it is part of the library, mapped by the
 * loader, and costs nothing until it is written to.  For processes that can make no file, as those
 * under a seccomp filter.  `cwshim report PID` finds it from outside, as long as the process lives.
 */
#ifndef CW_TRACK_MEMORY_H
#define CW_TRACK_MEMORY_H

#include <stdbool.h>

#include "track/session.h"

enum { CW_MEMORY_BYTES = 3 << 20 };

/* Where it begins, on a page. */
struct cw_session_header *cw_memory_session(void);

/* Is this the session in it?  NULL is none. */
bool cw_memory_is_session(const struct cw_map *map);

/*
 * In a forked child, whose copy it now has: what is recorded there was the parent's, and becomes
 * what the child was handed by its fork of this number at t.  Async-signal-safe.
 */
void cw_memory_after_fork(struct cw_map *map, uint32_t fork_seq, uint64_t t);

#endif
