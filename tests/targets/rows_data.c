/* SPDX-License-Identifier: MIT */
/*
 * Functions that read: each is told of the end-of-file.
 */
#include "rows.h"

#include <sys/uio.h>

extern ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);
extern ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);
extern ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
			      struct sockaddr *address, socklen_t *length);

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

static const struct row rows[] = {
	{"read", row_read},	      {"readv", row_readv},
	{"recv", row_recv},	      {"recvfrom", row_recvfrom},
	{"recvmsg", row_recvmsg},     {"__read_chk", row_read_chk},
	{"__recv_chk", row_recv_chk}, {"__recvfrom_chk", row_recvfrom_chk},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
