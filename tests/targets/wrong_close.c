/* SPDX-License-Identifier: MIT */
/*
 * A server that reads the end-of-file and then closes another number: --shape=miscounted: one that
 * never was open; stale: one that it has closed before; neighbour: that of another connection,
 * which it goes on using.  partner: it closes the other connection on purpose, as a proxy does, and
 * forgets the one that ended, which is another matter.
 * --fixed: the right one.
 */
#include "serve.h"

enum { CLIENTS = 3, FAR = 200 };

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

/* A connection with itself that lives on: its serving end, accepted right before the client's. */
static int take_neighbour(int listener, int *ret_other)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int fd;

	*ret_other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	TARGET_CHECK(connect(*ret_other, (struct sockaddr *)&address, sizeof(address)) == 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	return fd;
}

/* Another part of the program looks whether there is something to read. */
static void use(int fd, int error)
{
	char byte;

	TARGET_CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == error);
}

static void serve_beside(int listener, int other_listener, bool is_fixed, bool is_partner)
{
	int other, neighbour = take_neighbour(other_listener, &other), fd = take(listener);

	read_to_end(fd);
	release(is_fixed ? fd : neighbour);
	if (!is_partner)
		use(neighbour, is_fixed ? EAGAIN : EBADF);
	if (is_fixed)
		close(neighbour);
	close(other);
}

static void serve(int listener, int number, bool is_fixed)
{
	int fd = take(listener);

	read_to_end(fd);
	release(is_fixed ? fd : number < 0 ? fd + FAR : number);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_stale = target_has_option(argc, argv, "--shape=stale");
	bool is_partner = target_has_option(argc, argv, "--shape=partner");
	bool is_beside = is_partner || target_has_option(argc, argv, "--shape=neighbour");
	int listener, other_listener, stale;
	pid_t clients;

	target_begin();
	target_expect(is_fixed	   ? NULL
		      : is_partner ? "eof-read-not-closed"
				   : "wrong-close",
		      "leak", CLIENTS);
	listener = target_listen(0);
	other_listener = target_listen(0);
	stale = make_stale();
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++)
		if (is_beside)
			serve_beside(listener, other_listener, is_fixed, is_partner);
		else
			serve(listener, is_stale ? stale : -1, is_fixed);
	target_end_clients(clients);
	target_hold();
	return 0;
}
