/* SPDX-License-Identifier: MIT */
/*
 * The classic leak: a server that forks a child for each connection and forgets to close its own
 * copy.  Every client that hangs up leaves a socket in CLOSE_WAIT behind.
 *
 *     forkserver [--fixed] [--tidy] [--port=N] [--clients=N]
 *
 * --clients=N: brings N clients of its own, serves them, and holds until its standard input ends.
 * Without it, it serves whoever comes, for ever.  --fixed: the parent closes its copy.
 * --tidy: before it ends, each child closes the copies that it got of other children's connections.
 */
#include "target.h"

static bool is_fixed, is_tidy;

static void handle_client(int fd)
{
	char text[256];
	ssize_t size;

	for (;;) {
		MARK_NEXT(eof);
		size = read(fd, text, sizeof(text));
		if (size <= 0)
			break;
		if (write(fd, text, (size_t)size) != size)
			break;
	}
	MARK_NEXT(closed_elsewhere);
	close(fd);
}

static void close_others(int end)
{
	for (int fd = STDERR_FILENO + 1; fd < end; fd++)
		close(fd);
}

static void serve(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return;
	MARK_NEXT(forked);
	if (fork() == 0) {
		close(listener);
		handle_client(fd);
		if (is_tidy)
			close_others(fd);
		exit(0);
	}
	if (is_fixed)
		close(fd); /* the line that is missing otherwise */
}

static void serve_for_ever(int listener)
{
	alarm(0);
	printf("PORT %d\n", target_port(listener));
	puts("READY");
	for (;;) {
		serve(listener);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void serve_own_clients(int listener, int count)
{
	pid_t clients = target_start_clients(target_port(listener), count, TARGET_TALK);

	for (int i = 0; i < count; i++)
		serve(listener);
	target_end_clients(clients);
	while (wait(NULL) > 0)
		;
	target_hold();
}

int main(int argc, char **argv)
{
	int listener, count = target_number(argc, argv, "--clients=", 0);

	target_begin();
	is_fixed = target_has_option(argc, argv, "--fixed");
	is_tidy = target_has_option(argc, argv, "--tidy");
	listener = target_listen(target_number(argc, argv, "--port=", 0));
	if (is_fixed)
		target_expect(NULL, NULL, 0);
	else
		target_expect("parent-kept-copy", "leak", count);
	if (count == 0)
		serve_for_ever(listener);
	serve_own_clients(listener, count);
	return 0;
}
