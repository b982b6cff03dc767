/* SPDX-License-Identifier: MIT */
/*
 * How often a client asked again on the same connection; see turns.h.
 */
#include "track/turns.h"

#include "core/poison.h"

void cw_turns_count(struct cw_slot *slot, bool is_write)
{
	if (!is_write) {
		if (slot->talk == CW_TALK_ASKED)
			__atomic_store_n(&slot->talk, CW_TALK_ANSWERED, __ATOMIC_RELAXED);
		return;
	}
	if (slot->talk == CW_TALK_ANSWERED && slot->turns < CW_TURNS_MAX)
		__atomic_store_n(&slot->turns, slot->turns + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->talk,
			 slot->role == CW_ROLE_CONNECTED && slot->turns < CW_TURNS_MAX
				 ? CW_TALK_ASKED
				 : CW_TALK_UNCOUNTED,
			 __ATOMIC_RELAXED);
}
