/* SPDX-License-Identifier: MIT */
/*
 * Functions that write: each is the last use of a socket whose peer has closed its half, which
 * makes it a connection in use.
 */
#include "rows.h"

#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>

/* Names that old programs use. */
extern ssize_t __write(int fd, const void *buffer, size_t count);
extern ssize_t __send(int fd, const void *buffer, size_t count, int flags);

static long coarse_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The coarse clock, in which events are recorded, moves on: what follows is later. */
static void wait_for_tick(void)
{
	for (int ticks = 0; ticks < 2; ticks++)
		for (long start = coarse_time(); coarse_time() == start;)
			;
}

/* An accepted socket whose peer has closed its writing half and goes on reading. */
static int accept_half_closed(void)
{
	int peer = raw_peer(), fd = accept(listener, NULL, NULL);
	char byte;

	TARGET_CHECK(fd >= 0);
	TARGET_CHECK(raw_call(SYS_shutdown, peer, SHUT_WR, 0, 0) == 0);
	TARGET_CHECK(read(fd, &byte, 1) == 0);
	wait_for_tick();
	return fd;
}

static int any_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	TARGET_CHECK(fd >= 0);
	return fd;
}

static char buffer[] = "hello";
static struct iovec part = {buffer, 5};
static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
static struct mmsghdr messages[] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}}};

#define ROW_WRITE(function, ...)                                                                \
	static void row_##function(void)                                                        \
	{                                                                                       \
		const int fd = accept_half_closed();                                            \
                                                                                                \
		printf("EXPECT cause=half-open-in-use verdict=in-use count=1 last_use=%s:%d\n", \
		       __func__, __LINE__);                                                     \
		TARGET_CHECK(function(fd, __VA_ARGS__) > 0);                                    \
	}

ROW_WRITE(write, buffer, 5)
ROW_WRITE(__write, buffer, 5)
ROW_WRITE(writev, &part, 1)
ROW_WRITE(pwritev2, &part, 1, -1, 0)
ROW_WRITE(pwritev64v2, &part, 1, -1, 0)
ROW_WRITE(send, buffer, 5, 0)
ROW_WRITE(__send, buffer, 5, 0)
ROW_WRITE(sendto, buffer, 5, 0, NULL, 0)
ROW_WRITE(sendmsg, &message, 0)
ROW_WRITE(sendmmsg, messages, 1, 0)
ROW_WRITE(sendfile, any_file(), NULL, 5)
ROW_WRITE(sendfile64, any_file(), NULL, 5)

static const struct row rows[] = {
	{"write", row_write},
	{"__write", row___write},
	{"writev", row_writev},
	{"pwritev2", row_pwritev2},
	{"pwritev64v2", row_pwritev64v2},
	{"send", row_send},
	{"__send", row___send},
	{"sendto", row_sendto},
	{"sendmsg", row_sendmsg},
	{"sendmmsg", row_sendmmsg},
	{"sendfile", row_sendfile},
	{"sendfile64", row_sendfile64},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
