/* SPDX-License-Identifier: MIT */
/*
 * A server that closes in the end, but only long after it has read the end-of-file.
 *
 *     --shape=sweep     an idle sweep closes all that have ended
 *     --shape=shutdown  the handler of an orderly shutdown does, before the program ends
 *     --shape=idle      an idle sweep closes all that were silent for long: it has read nothing
 *     --fixed           it closes at once
 */
#include "serve.h"

enum { CLIENTS = 3, WAIT_MS = 400 };

static void give_up(int fd)
{
	MARK_NEXT(closed_elsewhere);
	TARGET_CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_idle = target_has_option(argc, argv, "--shape=idle");
	bool at_end = target_has_option(argc, argv, "--shape=shutdown");
	int listener, fds[CLIENTS];
	pid_t clients;

	target_begin();
	if (is_idle)
		printf("EXPECT cause=closed-late verdict=stall count=%d\n", CLIENTS);
	else
		target_expect(is_fixed ? NULL : "closed-late", "stall", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = take(listener);
		if (!is_idle)
			read_to_end(fds[i]);
		if (is_fixed)
			give_up(fds[i]);
	}
	target_end_clients(clients);
	poll(NULL, 0, WAIT_MS);
	if (at_end)
		target_hold();
	for (int i = 0; i < CLIENTS && !is_fixed; i++)
		give_up(fds[i]);
	if (!at_end)
		target_hold();
	return 0;
}
