/* SPDX-License-Identifier: MIT */
/*
 * The clock of all records.
 */
#ifndef CW_CORE_CLOCK_H
#define CW_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "core/raw.h"
#include "core/sandbox.h"
#include "cwshim/session.h"

static inline uint64_t cw_whole_ticks(const struct timespec *ts)
{
	uint64_t t = (uint64_t)ts->tv_sec * 1000000000u + (uint64_t)ts->tv_nsec;

	return t >> CW_TICK_BITS << CW_TICK_BITS;
}

/*
 * Nanoseconds of CLOCK_MONOTONIC, as fine as the kernel's tick (1 to 10 ms), and a multiple of what
 * a mark counts in: the coarse clock costs 5 ns, the exact one 29.  Async-signal-safe
 * (clock_gettime is, signal-safety(7)).
 */
static inline uint64_t cw_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return cw_whole_ticks(&ts);
}

/*
 * The same for a process that asks once or twice in its life: a system call takes a twentieth of
 * the two page faults that bring it libc's function and the kernel's (vdso(7)).
 */
static inline uint64_t cw_now_once(void)
{
	struct timespec ts;

	if (cw_is_sandboxed || cw_raw(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &ts) < 0)
		return cw_now();
	return cw_whole_ticks(&ts);
}

#endif
