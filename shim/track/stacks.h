/* SPDX-License-Identifier: MIT */
/*
 * The stack depot of a session: every distinct stack once, under a 32-bit id.
 */
#ifndef CW_TRACK_STACKS_H
#define CW_TRACK_STACKS_H

#include "track/session.h"

/*
 * The id of the calling thread's stack in this session, 0 if there is none to be had (no unwinder,
 * no room).  Lock-free and async-signal-safe; several processes may insert into one session.
 */
uint32_t cw_stack_here(struct cw_map *map);

/* The id in `to` of a stack of `from`; 0 stays 0. */
uint32_t cw_stack_copy(struct cw_map *to, struct cw_map *from, uint32_t id);

#endif
