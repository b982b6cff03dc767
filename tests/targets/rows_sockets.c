/* SPDX-License-Identifier: MIT */
/*
 * Functions that make, copy, shut down and close sockets.
 */
#include "rows.h"

#include <sys/epoll.h>

static void row_socket(void)
{
	EXPECT_NEXT("unread-not-closed", "created", "via=socket");
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	raw_connect(fd);
	raw_accept_and_hang_up(fd);
}

static void row_socketpair(void)
{
	int pair[2];

	puts("TRACKED 2");
	TARGET_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
}

static void row_accept(void)
{
	int peer = raw_peer();

	EXPECT_NEXT("unread-not-closed", "created", "via=accept");
	int fd = accept(listener, NULL, NULL);

	hang_up(peer, fd);
}

static void row_accept4(void)
{
	int peer = raw_peer();

	EXPECT_NEXT("unread-not-closed", "created", "via=accept");
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	hang_up(peer, fd);
}

static void row_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_NEXT("unread-not-closed", "created", "via=connect");
	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	raw_accept_and_hang_up(fd);
}

extern int __connect(int fd, const struct sockaddr *addr, socklen_t size);

static void row___connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT_NEXT("unread-not-closed", "created", "via=connect");
	TARGET_CHECK(__connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	raw_accept_and_hang_up(fd);
}

static void row_shutdown(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("shutdown-not-closed", "shutdown", "");
	TARGET_CHECK(shutdown(fd, SHUT_RDWR) == 0);
}

/* Registered, and taken out again without a close. */
static void row_epoll_ctl(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = accept_abandoned(), epfd = epoll_create1(EPOLL_CLOEXEC);

	TARGET_CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == 0);
	EXPECT_NEXT("not-polled", "unpolled", "");
	TARGET_CHECK(epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) == 0);
}

/* Two sockets of one site; the caller ends the first one. */
static int accept_two(void)
{
	int fds[2];

	for (int i = 0; i < 2; i++)
		fds[i] = accept_abandoned();
	puts("EXPECT cause=unread-not-closed verdict=leak count=1 site_created=2 site_closed=1");
	return fds[0];
}

static void row_close(void)
{
	TARGET_CHECK(close(accept_two()) == 0);
}

static void row_fclose(void)
{
	FILE *stream = fdopen(accept_two(), "r");

	TARGET_CHECK(stream && fclose(stream) == 0);
}

/* Its status is that of no child; the stream is closed all the same. */
static void row_pclose(void)
{
	FILE *stream = fdopen(accept_two(), "r");

	TARGET_CHECK(stream);
	pclose(stream);
}

static void expect_copy(void)
{
	puts("EXPECT cause=unread-not-closed verdict=leak count=1 via=dup");
}

static void row_dup(void)
{
	expect_copy();
	TARGET_CHECK(dup(accept_abandoned()) >= 0);
}

static void row_dup2(void)
{
	expect_copy();
	TARGET_CHECK(dup2(accept_abandoned(), 100) == 100);
}

static void row_dup3(void)
{
	expect_copy();
	TARGET_CHECK(dup3(accept_abandoned(), 100, O_CLOEXEC) == 100);
}

static void row_fcntl(void)
{
	expect_copy();
	TARGET_CHECK(fcntl(accept_abandoned(), F_DUPFD, 100) == 100);
}

static void row_fcntl64(void)
{
	expect_copy();
	TARGET_CHECK(fcntl64(accept_abandoned(), F_DUPFD_CLOEXEC, 100) == 100);
}

/* The other ways to close, and the other names. */
extern int __close(int fd);
extern int __dup2(int from, int to);
extern int __fcntl(int fd, int command, ...);

static void row___close(void)
{
	TARGET_CHECK(__close(accept_two()) == 0);
}

static void row_close_range(void)
{
	unsigned int fd = (unsigned int)accept_two();

	TARGET_CHECK(close_range(fd, fd, 0) == 0);
}

/* Closes the one that came last, which has the higher number. */
static void row_closefrom(void)
{
	closefrom(accept_two() + 1);
}

static void row_freopen(void)
{
	FILE *stream = fdopen(accept_two(), "r");

	TARGET_CHECK(stream && freopen("/dev/null", "r", stream));
}

static void row_freopen64(void)
{
	FILE *stream = fdopen(accept_two(), "r");

	TARGET_CHECK(stream && freopen64("/dev/null", "r", stream));
}

static void row___dup2(void)
{
	expect_copy();
	TARGET_CHECK(__dup2(accept_abandoned(), 100) == 100);
}

static void row___fcntl(void)
{
	expect_copy();
	TARGET_CHECK(__fcntl(accept_abandoned(), F_DUPFD, 100) == 100);
}

/* A stream is a second owner of the descriptor. */
static void row_fdopen(void)
{
	int fd = accept_abandoned();

	puts("EXPECT cause=unread-not-closed verdict=leak count=1 op=fdopen");
	TARGET_CHECK(fdopen(fd, "r"));
}

static void row_syscall(void)
{
	int peer = raw_peer();

	EXPECT_NEXT("unread-not-closed", "created", "via=accept");
	int fd = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);

	hang_up(peer, fd);
}

static const struct row rows[] = {
	{"socket", row_socket},	      {"socketpair", row_socketpair},
	{"accept", row_accept},	      {"accept4", row_accept4},
	{"connect", row_connect},     {"__connect", row___connect},
	{"shutdown", row_shutdown},   {"epoll_ctl", row_epoll_ctl},
	{"close", row_close},	      {"fclose", row_fclose},
	{"pclose", row_pclose},	      {"dup", row_dup},
	{"dup2", row_dup2},	      {"dup3", row_dup3},
	{"fcntl", row_fcntl},	      {"fcntl64", row_fcntl64},
	{"__close", row___close},     {"close_range", row_close_range},
	{"closefrom", row_closefrom}, {"freopen", row_freopen},
	{"freopen64", row_freopen64}, {"__dup2", row___dup2},
	{"__fcntl", row___fcntl},     {"fdopen", row_fdopen},
	{"syscall", row_syscall},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
