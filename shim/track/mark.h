/* SPDX-License-Identifier: MIT */
/*
 * Making a mark: when, from where, by whom.
 */
#ifndef CW_TRACK_MARK_H
#define CW_TRACK_MARK_H

#include "core/clock.h"
#include "core/thread.h"
#include "track/session.h"
#include "track/stacks.h"

/* Now, from the calling stack, by the calling thread.  Async-signal-safe. */
static inline struct cw_mark cw_mark_here(struct cw_map *map, unsigned int fn)
{
	return CW_MARK(cw_now(), cw_stack_here(map), CW_WHO(cw_thread_id(), fn));
}

#endif
