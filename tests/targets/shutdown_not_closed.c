/* SPDX-License-Identifier: MIT */
/*
 * A server that takes shutdown() for close(): the connection ends, the descriptor stays.
 * --fixed: it closes as well.
 */
#include "serve.h"

enum { CLIENTS = 2 };

static void finish(int fd)
{
	MARK_NEXT(shutdown);
	shutdown(fd, SHUT_RDWR);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int listener;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "shutdown-not-closed", "leak", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_TALK);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = take_inheritable(listener);

		answer_to_end(fd);
		finish(fd);
		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
