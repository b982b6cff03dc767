/* SPDX-License-Identifier: MIT */
/*
 * Counts open sockets whose end-of-file was read.  Those whose end was not read are not counted: no
 * call tells of them, and asking the kernel all the time would cost the host.
 */
#include "track/threshold.h"

#include <stdatomic.h>
#include <stddef.h>

#include "core/thread.h"

#include "core/poison.h"

static void (*due)(void);
static int32_t most;
static CW_FORKED _Atomic int32_t ended;
static CW_FORKED atomic_flag has_reached = ATOMIC_FLAG_INIT;
static CW_FORKED atomic_flag is_exhausted = ATOMIC_FLAG_INIT;

void cw_threshold_init(uint32_t limit, void (*function)(void))
{
	most = limit < INT32_MAX ? (int32_t)limit : INT32_MAX;
	due = function;
}

void cw_threshold_count(int change)
{
	int32_t now;

	if (!most)
		return;
	now = atomic_fetch_add_explicit(&ended, change, memory_order_relaxed) + change;
	if (now >= most && due && !atomic_flag_test_and_set(&has_reached))
		due();
}

void cw_threshold_exhausted(void)
{
	if (due && !atomic_flag_test_and_set(&is_exhausted))
		due();
}

void cw_threshold_after_fork(void)
{
	atomic_store_explicit(&ended, 0, memory_order_relaxed);
	atomic_flag_clear(&has_reached);
	atomic_flag_clear(&is_exhausted);
}
