/* SPDX-License-Identifier: MIT */
/*
 * The descriptor table is most of a session: 232 bytes for each that there can be, of which only
 * those are backed that are used.  Address space it takes for all.  Some servers limit that for
 * their own processes (RLIMIT_AS): dovecot does, to 256 MiB.
 */
#include "track/room.h"

#include <stddef.h>
#include <sys/resource.h>

#include "core/raw.h"
#include "core/text.h"
#include "track/plan.h"
#include "track/session.h"

#include "core/poison.h"

enum {
	USUAL = 65536, /* also where fewer descriptors may be opened now: limits are raised */
	LEAST = 1024,
	SHARE = 8, /* of the address space that is left, one part in so many */
	PAGE = 4096
};

/* proc(5): the first number of statm is the size, in pages.  0: not known. */
static uint64_t address_space_used(void)
{
	char statm[128];
	const char *end;

	if (cw_read_file("/proc/self/statm", statm, sizeof(statm)) <= 0)
		return 0;
	return cw_scan_uint(statm, &end) * PAGE;
}

static uint64_t share_of_address_space(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	uint64_t used;

	cw_raw(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit);
	if (limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	used = address_space_used();
	if (!used)
		used = limit.rlim_cur / 2;
	return used < limit.rlim_cur ? (limit.rlim_cur - used) / SHARE : 0;
}

static uint32_t slots_by_descriptors(void)
{
	struct rlimit limit = {LEAST, LEAST};

	cw_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	if (limit.rlim_max < USUAL)
		return USUAL;
	return limit.rlim_max < CW_SLOTS_MAX ? (uint32_t)limit.rlim_max : CW_SLOTS_MAX;
}

uint32_t cw_room_slots(void)
{
	uint32_t slots = slots_by_descriptors();
	uint64_t share = share_of_address_space();

	while (slots > LEAST && cw_plan_make(slots).size > share)
		slots /= 2;
	return slots;
}

bool cw_room_has(uint64_t bytes)
{
	return bytes <= share_of_address_space();
}
