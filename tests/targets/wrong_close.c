/* SPDX-License-Identifier: MIT */
/*
 * A server that reads the end-of-file and then closes another number, which is not open:
 * --shape=miscounted: one that never was; stale: one that it has closed before.
 * --fixed: the right one.
 */
#include "target.h"

enum { CLIENTS = 3, FAR = 200 };

static int take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	return fd;
}

static void read_to_end(int fd)
{
	char text[256];
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = read(fd, text, sizeof(text));
	} while (size > 0);
}

static int make_stale(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FAR);

	TARGET_CHECK(fd >= 0 && close(fd) == 0);
	return fd;
}

static void release(int fd)
{
	int failed;

	MARK_NEXT(closed_elsewhere);
	failed = close(fd);
	(void)failed;
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_stale = target_has_option(argc, argv, "--shape=stale");
	int listener, stale;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "wrong-close", "leak", CLIENTS);
	listener = target_listen(0);
	stale = make_stale();
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = take(listener);

		read_to_end(fd);
		if (is_fixed)
			release(fd);
		else
			release(is_stale ? stale : fd + FAR);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
