/* SPDX-License-Identifier: MIT */
/*
 * The ring of events: the oldest one makes room for the newest.
 */
#include "track/ring.h"

#include "track/mark.h"

#include "core/poison.h"

void cw_ring_add_mark(struct cw_map *map, const struct cw_mark *mark, uint64_t cookie, int fd,
		      int result)
{
	uint64_t seq = cw_count(map->header->events) + 1;
	struct cw_event *event =
		cw_session_entry(map, CW_SECTION_EVENTS, (uint32_t)((seq - 1) % CW_EVENTS));

	map->header->section[CW_SECTION_EVENTS].used = (uint32_t)seq;
	if (!event)
		return;
	*event = (struct cw_event){.seq = seq,
				   .t = CW_MARK_T(*mark),
				   .cookie = cookie,
				   .who = mark->who,
				   .stack = mark->stack,
				   .fd = fd,
				   .result = result};
}

void cw_ring_add(struct cw_map *map, unsigned int fn, uint64_t cookie, int fd, int result)
{
	struct cw_mark made = cw_mark_here(map, fn);

	cw_ring_add_mark(map, &made, cookie, fd, result);
}
