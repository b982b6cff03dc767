/* SPDX-License-Identifier: MIT */
/*
 * Processes come.
 */
#include <unistd.h>

#include "core/real.h"
#include "interpose/interpose.h"
#include "track/forks.h"

#include "core/poison.h"

CW_EXPORT pid_t fork(void)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_fork);

	return cw_on_fork(&ticket, CW_REAL(fork)());
}
