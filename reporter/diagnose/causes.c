/* SPDX-License-Identifier: MIT */
/*
 * The table of causes, in the order of decision: what needs the most facts comes first, what only
 * says that nothing better is known comes last.  docs/causes.md describes every row; a unit test
 * compares the two.
 */
#include "diagnose/cause.h"
#include "diagnose/diagnose.h"

#include <string.h>

const struct cwr_cause *const cwr_causes[] = {
	&cwr_cause_unaccepted_backlog,
	&cwr_cause_fd_exhaustion,
	&cwr_cause_parent_kept_copy,
	&cwr_cause_child_kept_copy,
	&cwr_cause_leaked_through_exec,
	&cwr_cause_passed_copy_kept,
	&cwr_cause_duplicate_kept,
	&cwr_cause_half_open_in_use,
	&cwr_cause_shutdown_not_closed,
	&cwr_cause_tls_not_closed,
	&cwr_cause_reset_not_closed,
	&cwr_cause_wrong_close,
	&cwr_cause_half_close_relay,
	&cwr_cause_replaced_by_reconnect,
	&cwr_cause_abandoned_client,
	&cwr_cause_idle_pooled_client,
	&cwr_cause_eof_read_not_closed,
	&cwr_cause_blocked_in_send,
	&cwr_cause_tls_handshake_stalled,
	&cwr_cause_owner_stuck,
	&cwr_cause_loop_stopped,
	&cwr_cause_reading_paused,
	&cwr_cause_not_polled,
	&cwr_cause_event_ignored,
	&cwr_cause_never_used,
	&cwr_cause_closed_late,
	&cwr_cause_opened_elsewhere,
	&cwr_cause_unread_not_closed,
	NULL,
};

const struct cwr_cause *cwr_cause_find(const char *id)
{
	for (size_t i = 0; cwr_causes[i]; i++)
		if (!strcmp(cwr_causes[i]->id, id))
			return cwr_causes[i];
	return NULL;
}
