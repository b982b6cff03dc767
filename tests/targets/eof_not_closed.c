/* SPDX-License-Identifier: MIT */
/*
 * A server in one process that reads the end-of-file and forgets the descriptor.
 * --fixed: it closes.  --clients=N: how many it serves, 3 unless said.
 */
#include "serve.h"

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int count = target_number(argc, argv, "--clients=", 3), listener;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "eof-read-not-closed", "leak", count);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), count, TARGET_TALK);
	for (int i = 0; i < count; i++) {
		int fd = take(listener);

		answer_to_end(fd);
		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
