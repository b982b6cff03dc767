/* SPDX-License-Identifier: MIT */
/*
 * A server in one process that reads the end-of-file and forgets the descriptor.
 * --fixed: it closes.  --clients=N: how many it serves, 3 unless said.
 */
#include "target.h"

static int take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	return fd;
}

static void answer_until_end(int fd)
{
	char text[256];
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = recv(fd, text, sizeof(text), 0);
		if (size > 0)
			TARGET_CHECK(send(fd, text, (size_t)size, 0) == size);
	} while (size > 0);
}

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

		answer_until_end(fd);
		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
