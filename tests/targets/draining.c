/* SPDX-License-Identifier: MIT */
/*
 * Not a leak: the peer has closed its writing half and still reads, slowly, what the server had
 * written before.  The peer is a process of its own, which the shim does not see.
 */
#include "target.h"

enum { PIECE = 4096, PAUSE_MS = 200, FULL_BYTES = 4 << 20 };

/* Says that it will send no more, then takes a piece now and then until all has come. */
static void read_slowly(int port)
{
	struct sockaddr_in address = target_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = PIECE;
	char piece[PIECE];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	TARGET_CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0);
	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(shutdown(fd, SHUT_WR) == 0);
	while (read(fd, piece, sizeof(piece)) > 0)
		poll(NULL, 0, PAUSE_MS);
	_exit(0);
}

static void write_much(int fd)
{
	static char text[FULL_BYTES];

	TARGET_CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	while (write(fd, text, sizeof(text)) > 0)
		;
	TARGET_CHECK(errno == EAGAIN);
}

int main(void)
{
	int listener, fd;
	pid_t peer;

	target_begin();
	target_expect("half-open-in-use", "in-use", 1);
	listener = target_listen(0);
	peer = fork();
	TARGET_CHECK(peer >= 0);
	if (peer == 0)
		read_slowly(target_port(listener));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	write_much(fd);
	target_wait_fin(fd);
	target_hold();
	kill(peer, SIGKILL);
	return 0;
}
