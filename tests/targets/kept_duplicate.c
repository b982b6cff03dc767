/* SPDX-License-Identifier: MIT */
/*
 * A server that makes a duplicate of each connection, answers under the first number, closes that
 * one when it has answered, and forgets the other: the client waits for the end and gives up.
 * --fixed: it closes both.
 */
#include "serve.h"

enum { CLIENTS = 3, THINK_MS = 100 };

static int duplicate(int fd)
{
	int copy;

	MARK_NEXT(duplicated);
	copy = dup(fd);
	TARGET_CHECK(copy >= 0);
	return copy;
}

static void answer(int fd)
{
	char text[64];
	ssize_t size = recv(fd, text, sizeof(text), 0);

	TARGET_CHECK(size > 0);
	poll(NULL, 0, THINK_MS);
	TARGET_CHECK(send(fd, text, (size_t)size, 0) == size);
}

static void finish(int fd)
{
	MARK_NEXT(closed_elsewhere);
	TARGET_CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int listener;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "duplicate-kept", "leak", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_TALK);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = take(listener), copy = duplicate(fd);

		answer(fd);
		finish(fd);
		if (is_fixed)
			finish(copy);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
