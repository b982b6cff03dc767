/* SPDX-License-Identifier: MIT */
/*
 * One row for each function of the shim's table that makes, ends, copies or reads a socket.
 *
 *     rows FUNCTION
 *
 * does one thing through exactly that symbol, and everything else through system calls that the
 * shim cannot see.  What the report then says of the socket proves that the symbol was intercepted:
 * the line of the call, the way a copy came, the number of sockets that the site closed.
 */
#include "raw_call.h"
#include "target.h"

#include <sys/syscall.h>
#include <sys/uio.h>

extern ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);
extern ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);
extern ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
			      struct sockaddr *address, socklen_t *length);

static int listener;
static struct sockaddr_in address;

/* A finding of one socket whose stack starts at the next line; more: further words, or "". */
#define EXPECT_NEXT(cause, stack, more)                                                      \
	printf("EXPECT cause=%s verdict=leak count=1 %s=%s:%d %s\n", cause, stack, __func__, \
	       __LINE__ + 1, more)

/* All descriptors below are made and closed out of the shim's sight. */
static int raw_socket(void)
{
	int fd = (int)raw_call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);

	TARGET_CHECK(fd >= 0);
	return fd;
}

static void raw_connect(int fd)
{
	TARGET_CHECK(raw_call(SYS_connect, fd, (long)&address, sizeof(address), 0) == 0);
}

static void raw_close(int fd)
{
	TARGET_CHECK(raw_call(SYS_close, fd, 0, 0, 0) == 0);
}

static void raw_listen(void)
{
	socklen_t size = sizeof(address);

	address = target_address(0);
	listener = raw_socket();
	TARGET_CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(listen(listener, 8) == 0);
	TARGET_CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
}

/* A peer that waits to be accepted. */
static int raw_peer(void)
{
	int peer = raw_socket();

	raw_connect(peer);
	return peer;
}

static void hang_up(int peer, int fd)
{
	raw_close(peer);
	target_wait_fin(fd);
}

/* Our end is the connecting one: the peer is accepted and hangs up. */
static void raw_accept_and_hang_up(int fd)
{
	int peer = (int)raw_call(SYS_accept4, listener, 0, 0, 0);

	TARGET_CHECK(peer >= 0);
	hang_up(peer, fd);
}

/* An accepted socket whose peer has hung up. */
static int accept_abandoned(void)
{
	int peer = raw_peer(), fd = accept(listener, NULL, NULL);

	TARGET_CHECK(fd >= 0);
	hang_up(peer, fd);
	return fd;
}

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
	int fd = raw_socket();

	EXPECT_NEXT("unread-not-closed", "created", "via=connect");
	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	raw_accept_and_hang_up(fd);
}

static void row_shutdown(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("shutdown-not-closed", "shutdown", "");
	TARGET_CHECK(shutdown(fd, SHUT_RDWR) == 0);
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

static char buffer[16];

/* Each reads the end-of-file through one function. */
static void row_read(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(read(fd, buffer, sizeof(buffer)) == 0);
}

static void row_readv(void)
{
	struct iovec part = {buffer, sizeof(buffer)};
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(readv(fd, &part, 1) == 0);
}

static void row_recv(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(recv(fd, buffer, sizeof(buffer), 0) == 0);
}

static void row_recvfrom(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(recvfrom(fd, buffer, sizeof(buffer), 0, NULL, NULL) == 0);
}

static void row_recvmsg(void)
{
	struct iovec part = {buffer, sizeof(buffer)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(recvmsg(fd, &message, 0) == 0);
}

static void row_read_chk(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(__read_chk(fd, buffer, sizeof(buffer), sizeof(buffer)) == 0);
}

static void row_recv_chk(void)
{
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(__recv_chk(fd, buffer, sizeof(buffer), sizeof(buffer), 0) == 0);
}

static void row_recvfrom_chk(void)
{
	const size_t size = sizeof(buffer);
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(__recvfrom_chk(fd, buffer, size, size, 0, NULL, NULL) == 0);
}

static void row_fork(void)
{
	int fd = accept_abandoned();
	pid_t child;

	EXPECT_NEXT("parent-kept-copy", "forked", "");
	child = fork();
	if (child == 0) {
		TARGET_CHECK(read(fd, buffer, sizeof(buffer)) == 0);
		close(fd);
		_exit(0);
	}
	TARGET_CHECK(child > 0 && waitpid(child, NULL, 0) == child);
}

static const struct {
	const char *function;
	void (*run)(void);
} rows[] = {
	{"socket", row_socket},
	{"socketpair", row_socketpair},
	{"accept", row_accept},
	{"accept4", row_accept4},
	{"connect", row_connect},
	{"shutdown", row_shutdown},
	{"close", row_close},
	{"fclose", row_fclose},
	{"dup", row_dup},
	{"dup2", row_dup2},
	{"dup3", row_dup3},
	{"fcntl", row_fcntl},
	{"fcntl64", row_fcntl64},
	{"read", row_read},
	{"readv", row_readv},
	{"recv", row_recv},
	{"recvfrom", row_recvfrom},
	{"recvmsg", row_recvmsg},
	{"__read_chk", row_read_chk},
	{"__recv_chk", row_recv_chk},
	{"__recvfrom_chk", row_recvfrom_chk},
	{"fork", row_fork},
};

int main(int argc, char **argv)
{
	target_begin();
	for (size_t i = 0; argc == 2 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].function, argv[1]) != 0)
			continue;
		raw_listen();
		rows[i].run();
		target_hold();
		return 0;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		puts(rows[i].function);
	return 1;
}
