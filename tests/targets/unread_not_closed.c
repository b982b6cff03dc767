/* SPDX-License-Identifier: MIT */
/*
 * A server that reads a part of what came and forgets the descriptor: neither the rest nor the
 * end-of-file was read, and nothing else tells why.
 * --fixed: it reads on and closes.
 */
#include "serve.h"

enum { CLIENTS = 2 };

static void read_two_bytes(int fd)
{
	char text[2];

	TARGET_CHECK(read(fd, text, sizeof(text)) == 2);
	target_wait_fin(fd);
}

static void read_rest_and_close(int fd)
{
	char text[256];

	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int listener;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "unread-not-closed", "leak", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = take_inheritable(listener);

		read_two_bytes(fd);
		if (is_fixed)
			read_rest_and_close(fd);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
