/* SPDX-License-Identifier: MIT */
/*
 * A server that forks a child for each connection and forgets its own copy, with the children, or
 * all of it, under a seccomp filter that kills for any call that they do not make themselves.
 *
 *     sandbox_fork privsep  each child sets the filter, reads the end-of-file and ends
 *     sandbox_fork launch   the filter is on from the start
 *     ... --fixed           the parent closes
 */
#include "sandbox.h"

enum { COUNT = 3 };

static bool is_fixed;
static int listener;
static struct sockaddr_in address;

static int connect_and_leave(void)
{
	int client = socket(AF_INET, SOCK_STREAM, 0), fd;

	TARGET_CHECK(client >= 0);
	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	close(client);
	return fd;
}

static void read_to_end(int fd)
{
	char byte;

	MARK_NEXT(eof);
	TARGET_CHECK(read(fd, &byte, 1) == 0);
}

static void serve(int fd, bool sets_filter)
{
	if (sets_filter)
		allow_serving();
	read_to_end(fd);
	_exit(0);
}

static void read_in_child(int fd, bool sets_filter)
{
	pid_t child;
	int status;

	MARK_NEXT(forked);
	child = fork();
	TARGET_CHECK(child >= 0);
	if (child == 0)
		serve(fd, sets_filter);
	TARGET_CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv)
{
	bool sets_filter;

	TARGET_CHECK(argc >= 2);
	sets_filter = strcmp(argv[1], "privsep") == 0;
	is_fixed = target_has_option(argc, argv, "--fixed");
	if (strcmp(argv[1], "launch") == 0) {
		allow_starting();
		execl(argv[0], argv[0], "work", is_fixed ? "--fixed" : NULL, (char *)NULL);
		target_die("exec");
	}
	target_begin();
	target_expect(is_fixed ? NULL : "parent-kept-copy", "leak", COUNT);
	listener = target_listen(0);
	address = target_address(target_port(listener));
	for (int i = 0; i < COUNT; i++) {
		int fd = connect_and_leave();

		read_in_child(fd, sets_filter);
		if (is_fixed)
			close(fd);
	}
	target_hold();
	_exit(0);
}
