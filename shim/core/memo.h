/* SPDX-License-Identifier: MIT */
/*
 * What walks gave before.  A walk by layouts depends on the registers that it starts from, on the
 * words of the stack that it reads, and on the layouts; if all of them are as they were, so is the
 * stack, and its id in the session.
 */
#ifndef CW_CORE_MEMO_H
#define CW_CORE_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "core/walk.h"

/*
 * The id that was kept for this start in this session, if each word that the walk read has still
 * the same value; else 0.  `session`: any number but 0 that no other session in this process or an
 * ancestor has.  Async-signal-safe; no system call; reads the calling thread's own stack only.
 */
uint32_t cw_memo_find(const struct cw_walk_start *start, uint64_t session);

/*
 * Is the next walk from this start worth its trace?  Not each time for stacks that differ each
 * time. Async-signal-safe.
 */
bool cw_memo_wants(const struct cw_walk_start *start, uint64_t session);

/* Keeps the id of a whole trace.  Async-signal-safe. */
void cw_memo_keep(const struct cw_walk_start *start, uint64_t session,
		  const struct cw_walk_trace *trace, uint32_t id);

#endif
