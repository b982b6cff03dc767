/* SPDX-License-Identifier: MIT */
/*
 * A server that takes shutdown() for close(): the connection ends, the descriptor stays.
 * --fixed: it closes as well.
 */
#include "target.h"

enum { CLIENTS = 2 };

static int take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	return fd;
}

static void answer_until_end(int fd)
{
	char text[256];
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = read(fd, text, sizeof(text));
		if (size > 0)
			TARGET_CHECK(write(fd, text, (size_t)size) == size);
	} while (size > 0);
}

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
		int fd = take(listener);

		answer_until_end(fd);
		finish(fd);
		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
