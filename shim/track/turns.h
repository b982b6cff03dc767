/* SPDX-License-Identifier: MIT */
/*
 * A client that asks again on the same connection uses it for more than one exchange, as a pool
 * does.  Its turns are counted as long as that matters.
 */
#ifndef CW_TRACK_TURNS_H
#define CW_TRACK_TURNS_H

#include <stdbool.h>

#include "cwshim/session.h"

/*
 * Data was written to, or read from, a connection that this process may have made.  Where two
 * threads write at once a turn may be lost or counted twice.  Async-signal-safe.
 */
void cw_turns_count(struct cw_slot *slot, bool is_write);

#endif
