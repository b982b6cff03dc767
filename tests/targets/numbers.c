/* SPDX-License-Identifier: MIT */
/*
 * Calls that are made by their number, through syscall(2).  A program of rows (rows.h), named by
 * the kernel's calls.
 */
#include "rows.h"

#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/uio.h>

static char buffer[16];
static struct iovec part = {buffer, sizeof(buffer)};
static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

#define NUMBER_READ(call, ...)                                                              \
	static void row_##call(void)                                                        \
	{                                                                                   \
		const int fd = accept_abandoned();                                          \
                                                                                            \
		printf("EXPECT cause=eof-read-not-closed verdict=leak count=1 eof=%s:%d\n", \
		       __func__, __LINE__);                                                 \
		TARGET_CHECK(syscall(SYS_##call, fd, __VA_ARGS__) == 0);                    \
	}

NUMBER_READ(read, buffer, sizeof(buffer))
NUMBER_READ(recvfrom, buffer, sizeof(buffer), 0, NULL, NULL)
NUMBER_READ(readv, &part, 1)
NUMBER_READ(recvmsg, &message, 0)

static void row_recvmmsg(void)
{
	struct mmsghdr vec = {.msg_hdr = message};
	const int fd = accept_abandoned();

	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(syscall(SYS_recvmmsg, fd, &vec, 1, 0, NULL) == 1);
}

static void row_splice(void)
{
	int ends[2];
	const int fd = accept_abandoned();

	TARGET_CHECK(pipe(ends) == 0);
	EXPECT_NEXT("eof-read-not-closed", "eof", "");
	TARGET_CHECK(syscall(SYS_splice, fd, NULL, ends[1], NULL, sizeof(buffer), 0) == 0);
}

static void row_accept(void)
{
	int peer = raw_peer();

	EXPECT_NEXT("unread-not-closed", "created", "via=accept");
	int fd = (int)syscall(SYS_accept, listener, NULL, NULL);

	hang_up(peer, fd);
}

static void row_dup(void)
{
	int fd = accept_abandoned();

	puts("EXPECT cause=unread-not-closed verdict=leak count=1 via=dup");
	TARGET_CHECK(syscall(SYS_dup, fd) >= 0);
}

static void row_pidfd_getfd(void)
{
	int fd = accept_abandoned();
	int process = (int)raw_call(SYS_pidfd_open, getpid(), 0, 0, 0);

	TARGET_CHECK(process >= 0);
	puts("EXPECT cause=unread-not-closed verdict=leak count=1 via=passed");
	TARGET_CHECK(syscall(SYS_pidfd_getfd, process, fd, 0) >= 0);
}

static void row_epoll_ctl(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = accept_abandoned(), epfd = epoll_create1(EPOLL_CLOEXEC);

	TARGET_CHECK(syscall(SYS_epoll_ctl, epfd, EPOLL_CTL_ADD, fd, &event) == 0);
	EXPECT_NEXT("not-polled", "unpolled", "");
	TARGET_CHECK(syscall(SYS_epoll_ctl, epfd, EPOLL_CTL_DEL, fd, NULL) == 0);
}

/* To itself: what is sent, and what has arrived. */
static void pass_right(int (*send_one)(int fd, struct mmsghdr *vec),
		       int (*receive_one)(int fd, struct mmsghdr *vec))
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec one = {buffer, 1};
	struct mmsghdr vec = {.msg_hdr = {.msg_iov = &one,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = sizeof(control)}};
	int ends[2], fd = accept_abandoned();

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	TARGET_CHECK(raw_call(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)ends) == 0);
	puts("EXPECT cause=unread-not-closed verdict=leak count=1 via=passed op=syscall");
	TARGET_CHECK(send_one(ends[0], &vec) == 1);
	TARGET_CHECK(receive_one(ends[1], &vec) == 1);
}

static int send_message(int fd, struct mmsghdr *vec)
{
	return (int)syscall(SYS_sendmsg, fd, &vec->msg_hdr, 0);
}

static int receive_message(int fd, struct mmsghdr *vec)
{
	return (int)syscall(SYS_recvmsg, fd, &vec->msg_hdr, 0);
}

static int send_messages(int fd, struct mmsghdr *vec)
{
	return (int)syscall(SYS_sendmmsg, fd, vec, 1, 0);
}

static int receive_messages(int fd, struct mmsghdr *vec)
{
	return (int)syscall(SYS_recvmmsg, fd, vec, 1, 0, NULL);
}

static void row_sendmsg(void)
{
	pass_right(send_message, receive_message);
}

static void row_sendmmsg(void)
{
	pass_right(send_messages, receive_messages);
}

static const struct row rows[] = {
	{"read", row_read},
	{"recvfrom", row_recvfrom},
	{"readv", row_readv},
	{"recvmsg", row_recvmsg},
	{"accept", row_accept},
	{"dup", row_dup},
	{"pidfd_getfd", row_pidfd_getfd},
	{"epoll_ctl", row_epoll_ctl},
	{"recvmmsg", row_recvmmsg},
	{"splice", row_splice},
	{"sendmsg", row_sendmsg},
	{"sendmmsg", row_sendmmsg},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
