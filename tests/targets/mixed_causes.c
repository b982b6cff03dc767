/* SPDX-License-Identifier: MIT */
/*
 * 50 connections of one process that stay open for one of 18 causes: all that can live side by side
 * in a process whose event loop runs.  One place accepts all that are accepted; others of the same
 * place were closed as they should be, or live.
 */
#include "mixed_ways.h"

static const struct way {
	const char *cause, *verdict;
	int count;
	void (*go)(int listener, int count);
} ways[] = {
	/* What forks comes first, so that the others are not inherited. */
	{"parent-kept-copy", "leak", 3, keep_in_parent},
	{"child-kept-copy", "leak", 3, keep_in_child},
	{"passed-copy-kept", "leak", 3, pass_and_keep},
	{"idle-pooled-client", "idle", 1, keep_in_pool},
	{"abandoned-client", "leak", 3, abandon},
	{"replaced-by-reconnect", "leak", 3, reconnect},
	{"never-used", "leak", 3, forget_at_once},
	{"duplicate-kept", "leak", 3, keep_a_copy},
	{"half-open-in-use", "in-use", 1, go_on_sending},
	{"shutdown-not-closed", "leak", 4, shut_down},
	{"reset-not-closed", "leak", 3, ignore_reset},
	{"wrong-close", "leak", 4, close_another},
	{"eof-read-not-closed", "leak", 4, forget_after_end},
	{"blocked-in-send", "stall", 1, send_for_ever},
	{"owner-stuck", "stall", 3, wait_for_lock},
	{"reading-paused", "stall", 3, pause_reading},
	{"not-polled", "leak", 2, take_out},
	{"event-ignored", "leak", 3, ignore_event},
};

int main(void)
{
	int listener, total = 0;

	target_begin();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		printf("EXPECT cause=%s verdict=%s count=%d\n", ways[i].cause, ways[i].verdict,
		       ways[i].count);
		total += ways[i].count;
	}
	TARGET_CHECK(total == 50);
	listener = target_listen(0);
	start_loop();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		ways[i].go(listener, ways[i].count);
		serve_well(listener);
	}
	keep_living(listener);
	wait_for_rest();
	target_hold();
	return 0;
}
