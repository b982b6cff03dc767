/* SPDX-License-Identifier: MIT */
/*
 * Where the sections of a session lie.  No state.
 */
#ifndef CW_TRACK_PLAN_H
#define CW_TRACK_PLAN_H

#include <stdint.h>

#include "core/tables.h"
#include "cwshim/session.h"

/* The header's page, and behind it one that stays empty, for core/tables.h. */
enum { CW_PLAN_GAP = 4096, CW_PLAN_BEGIN = CW_PLAN_GAP + CW_TABLES_GAP };
_Static_assert(sizeof(struct cw_session_header) <= CW_PLAN_GAP, "the header has its own page");

struct cw_plan {
	struct cw_section section[CW_SECTIONS];
	uint64_t size; /* bytes in all */
	/*
	 * What is before it, in bytes, is little and each forked child needs it; what is behind is
	 * much, and a child seldom does.
	 */
	uint64_t common_end;
};

/* The sections of a session file with a descriptor table of so many slots; 0: one in memory. */
struct cw_plan cw_plan_make(uint32_t slots);

/* How many slots a session has that is kept in memory. */
uint32_t cw_plan_slots_in_memory(void);

#endif
