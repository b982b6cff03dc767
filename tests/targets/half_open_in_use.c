/* SPDX-License-Identifier: MIT */
/*
 * Not a leak: the peer has closed its writing half only and reads what the server still sends.
 * The server has read the end-of-file and goes on writing until its standard input ends.
 * --fixed: it closes when it has read the end-of-file.  --unseen: it writes by dprintf(), which
 * calls no function that a preloaded library could see.
 */
#include "serve.h"

/* Has standard input ended?  Waits a twentieth of a second for it. */
static bool is_over(void)
{
	struct pollfd input = {STDIN_FILENO, POLLIN, 0};

	return poll(&input, 1, 50) > 0;
}

/* Twenty lines a second, as a server that streams would. */
static void stream_unseen(int fd)
{
	puts("EXPECT cause=half-open-in-use verdict=in-use count=1");
	for (int lines = 1; !is_over() || lines <= 3; lines++) {
		TARGET_CHECK(dprintf(fd, "more\n") == 5);
		if (lines == 3)
			puts("READY");
	}
}

static void stream(int fd)
{
	for (int lines = 1; !is_over() || lines <= 3; lines++) {
		MARK_NEXT(last_use);
		TARGET_CHECK(write(fd, "more\n", 5) == 5);
		if (lines == 3)
			puts("READY");
	}
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_unseen = target_has_option(argc, argv, "--unseen");
	int listener, fd;
	pid_t clients;

	target_begin();
	if (!is_unseen)
		target_expect(is_fixed ? NULL : "half-open-in-use", "in-use", 1);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), 1, TARGET_HALF);
	fd = take_inheritable(listener);
	read_to_end(fd);
	if (is_fixed)
		close(fd);
	else if (is_unseen)
		stream_unseen(fd);
	else
		stream(fd);
	if (is_fixed)
		target_hold();
	kill(clients, SIGKILL);
	TARGET_CHECK(waitpid(clients, NULL, 0) == clients);
	return 0;
}
