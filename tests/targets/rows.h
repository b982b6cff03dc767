/* SPDX-License-Identifier: MIT */
/*
 * Rows: programs that call one function of the shim's table each time they run.
 *
 *     rows_FAMILY FUNCTION
 *
 * does one thing through exactly that symbol, and everything else through system calls that the
 * shim cannot see.  What the report then says of the socket proves that the symbol was intercepted:
 * the line of the call, the way a copy came, the number of sockets that the site closed.
 * Without an argument the program lists its functions.
 */
#ifndef CWSHIM_ROWS_H
#define CWSHIM_ROWS_H

#include "raw_call.h"
#include "target.h"

#include <sys/syscall.h>

static int listener;
static struct sockaddr_in address;

/* A finding of one socket whose stack starts at the next line; more: further words, or "". */
#define EXPECT_NEXT(cause, stack, more)                                                      \
	printf("EXPECT cause=%s verdict=leak count=1 %s=%s:%d %s\n", cause, stack, __func__, \
	       __LINE__ + 1, more)

/* All descriptors below are made and closed out of the shim's sight. */
static inline int raw_socket(void)
{
	int fd = (int)raw_call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);

	TARGET_CHECK(fd >= 0);
	return fd;
}

static inline void raw_connect(int fd)
{
	TARGET_CHECK(raw_call(SYS_connect, fd, (long)&address, sizeof(address), 0) == 0);
}

static inline void raw_close(int fd)
{
	TARGET_CHECK(raw_call(SYS_close, fd, 0, 0, 0) == 0);
}

static inline void raw_listen(void)
{
	socklen_t size = sizeof(address);

	address = target_address(0);
	listener = raw_socket();
	TARGET_CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(listen(listener, 8) == 0);
	TARGET_CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
}

/* A peer that waits to be accepted. */
static inline int raw_peer(void)
{
	int peer = raw_socket();

	raw_connect(peer);
	return peer;
}

static inline void hang_up(int peer, int fd)
{
	raw_close(peer);
	target_wait_fin(fd);
}

/* Our end is the connecting one: the peer is accepted and hangs up. */
static inline void raw_accept_and_hang_up(int fd)
{
	int peer = (int)raw_call(SYS_accept4, listener, 0, 0, 0);

	TARGET_CHECK(peer >= 0);
	hang_up(peer, fd);
}

/* An accepted socket whose peer has hung up. */
static inline int accept_abandoned(void)
{
	int peer = raw_peer(), fd = accept(listener, NULL, NULL);

	TARGET_CHECK(fd >= 0);
	hang_up(peer, fd);
	return fd;
}

struct row {
	const char *function;
	void (*run)(void);
};

static inline int run_row(int argc, char **argv, const struct row *rows, size_t nrows)
{
	target_begin();
	for (size_t i = 0; i < nrows; i++) {
		if (argc < 2)
			puts(rows[i].function);
		if (argc < 2 || strcmp(rows[i].function, argv[1]) != 0)
			continue;
		raw_listen();
		rows[i].run();
		target_hold();
		return 0;
	}
	return 1;
}

#endif
