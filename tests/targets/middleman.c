/* SPDX-License-Identifier: MIT */
/*
 * A server that starts a middleman for each connection, which opens a socket of its own and lets a
 * worker serve the connection.  Worker and middleman close their copies and are gone; the server
 * keeps its own.
 *
 *     middleman [--fixed] [--clients=N] [--kill] [--killed=N]
 *
 * --kill: the middlemen are killed before they can end.  --killed=N: afterwards, so many more
 * children open a socket and are killed.
 */
#include "target.h"

static bool is_killed;

static void work(int fd)
{
	char text[64];

	do
		MARK_NEXT(eof);
	while (read(fd, text, sizeof(text)) > 0);
	MARK_NEXT(closed_elsewhere);
	close(fd);
	_exit(0);
}

static void end_middleman(void)
{
	if (is_killed)
		raise(SIGKILL);
	exit(0);
}

static void be_middleman(int fd)
{
	int own = socket(AF_INET, SOCK_STREAM, 0);
	pid_t worker = fork();

	if (worker == 0)
		work(fd);
	close(fd);
	TARGET_CHECK(waitpid(worker, NULL, 0) == worker);
	close(own);
	end_middleman();
}

static int serve(int listener)
{
	pid_t middleman;
	int fd;

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	MARK_NEXT(forked);
	middleman = fork();
	if (middleman == 0)
		be_middleman(fd);
	TARGET_CHECK(waitpid(middleman, NULL, 0) == middleman);
	return fd;
}

static void kill_children(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0) {
			socket(AF_INET, SOCK_STREAM, 0);
			raise(SIGKILL);
		}
		TARGET_CHECK(waitpid(child, NULL, 0) == child);
	}
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int listener, count = target_number(argc, argv, "--clients=", 1);
	pid_t clients;

	target_begin();
	is_killed = target_has_option(argc, argv, "--kill");
	listener = target_listen(0);
	if (is_fixed)
		target_expect(NULL, NULL, 0);
	else
		target_expect("parent-kept-copy", "leak", count);
	clients = target_start_clients(target_port(listener), count, TARGET_SILENT);
	for (int i = 0; i < count; i++) {
		int fd = serve(listener);

		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients);
	kill_children(target_number(argc, argv, "--killed=", 0));
	target_hold();
	return 0;
}
