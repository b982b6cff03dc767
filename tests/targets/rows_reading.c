/* SPDX-License-Identifier: MIT */
/*
 * Functions that read: each is told of the end-of-file.
 */
#include "rows.h"

#include <sys/pidfd.h>
#include <sys/uio.h>

/* Names that fortified and old programs use. */
extern ssize_t __read(int fd, void *buffer, size_t count);
extern ssize_t __read_chk(int fd, void *buffer, size_t count, size_t size);
extern ssize_t __recv_chk(int fd, void *buffer, size_t count, size_t size, int flags);
extern ssize_t __recvfrom_chk(int fd, void *buffer, size_t count, size_t size, int flags,
			      struct sockaddr *address, socklen_t *length);

static char buffer[16];
static struct iovec part = {buffer, sizeof(buffer)};

#define ROW_READ(function, ...)                                                             \
	static void row_##function(void)                                                    \
	{                                                                                   \
		const int fd = accept_abandoned();                                          \
                                                                                            \
		printf("EXPECT cause=eof-read-not-closed verdict=leak count=1 eof=%s:%d\n", \
		       __func__, __LINE__);                                                 \
		TARGET_CHECK(function(fd, __VA_ARGS__) == 0);                               \
	}

ROW_READ(read, buffer, sizeof(buffer))
ROW_READ(__read, buffer, sizeof(buffer))
ROW_READ(__read_chk, buffer, sizeof(buffer), sizeof(buffer))
ROW_READ(readv, &part, 1)
ROW_READ(preadv2, &part, 1, -1, 0)
ROW_READ(preadv64v2, &part, 1, -1, 0)
ROW_READ(recv, buffer, sizeof(buffer), 0)
ROW_READ(__recv_chk, buffer, sizeof(buffer), sizeof(buffer), 0)
ROW_READ(recvfrom, buffer, sizeof(buffer), 0, NULL, NULL)
ROW_READ(__recvfrom_chk, buffer, sizeof(buffer), sizeof(buffer), 0, NULL, NULL)

static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

ROW_READ(recvmsg, &message, 0)

static void row_recvmmsg(void)
{
	struct mmsghdr messages[] = {{.msg_hdr = message}};
	int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(recvmmsg(fd, messages, 1, 0, NULL) == 1 && messages[0].msg_len == 0);
}

static void row_splice(void)
{
	int pipe_ends[2], fd = accept_abandoned();

	TARGET_CHECK(pipe(pipe_ends) == 0);
	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(splice(fd, NULL, pipe_ends[1], NULL, 4096, 0) == 0);
}

/* A copy of a descriptor, from whichever process; here from this one. */
static void row_pidfd_getfd(void)
{
	int fd = accept_abandoned();
	int process = (int)raw_call(SYS_pidfd_open, getpid(), 0, 0, 0);

	TARGET_CHECK(process >= 0);
	puts("EXPECT cause=unread-not-closed verdict=leak count=1 via=passed");
	TARGET_CHECK(pidfd_getfd(process, fd, 0) >= 0);
}

static const struct row rows[] = {
	{"read", row_read},
	{"__read", row___read},
	{"__read_chk", row___read_chk},
	{"readv", row_readv},
	{"preadv2", row_preadv2},
	{"preadv64v2", row_preadv64v2},
	{"recv", row_recv},
	{"__recv_chk", row___recv_chk},
	{"recvfrom", row_recvfrom},
	{"__recvfrom_chk", row___recvfrom_chk},
	{"recvmsg", row_recvmsg},
	{"recvmmsg", row_recvmmsg},
	{"splice", row_splice},
	{"pidfd_getfd", row_pidfd_getfd},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
