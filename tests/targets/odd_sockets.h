/* SPDX-License-Identifier: MIT */
/*
 * For odd_calls.c: calls that have to do with descriptors.
 */
#ifndef CWSHIM_ODD_SOCKETS_H
#define CWSHIM_ODD_SOCKETS_H

#include "odd_values.h"

#include <linux/close_range.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/sendfile.h>

int __close(int fd);
int __dup2(int from, int to);
int __fcntl(int fd, int cmd, ...);
int __connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t __read(int fd, void *buf, size_t size);
ssize_t __write(int fd, const void *buf, size_t size);
ssize_t __send(int fd, const void *buf, size_t size, int flags);

static void odd_socket(void)
{
	int type = PICK(SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, -1);

	CALL(socket, PICK(AF_INET, AF_INET, AF_INET, AF_INET6, AF_UNIX, -1, 1000),
	     type | SOCK_NONBLOCK | PICK(0, 0, SOCK_CLOEXEC, 0x40), PICK(0, 0, 6, 17, -1));
}

static void odd_socketpair(void)
{
	int *fds = some_place(2 * sizeof(int));
	int type = PICK(SOCK_STREAM, SOCK_DGRAM, 77) | SOCK_NONBLOCK;

	if (CALL(socketpair, PICK(AF_UNIX, AF_UNIX, AF_INET), type, 0, fds) == 0)
		say("  %d %d\n", fds[0], fds[1]);
}

/* The address is one place and its length another, also where both are the same page. */
static void odd_accept(void)
{
	int fd = roll(4) ? odd_listener : some_fd();
	struct sockaddr *addr = some_place(sizeof(odd_address));
	socklen_t *len = some_length();

	if ((char *)len < (char *)addr + 128 && (char *)addr < (char *)len + 4)
		return;
	if (roll(2))
		set_nonblocking(CALL(accept, fd, addr, len));
	else
		set_nonblocking(CALL(accept4, fd, addr, len, PICK(0, SOCK_CLOEXEC, -1)));
	if (is_usable(len, sizeof(*len)))
		say("  of length %u\n", *len);
}

static void odd_connect(void)
{
	int fd = some_fd();
	socklen_t len;
	const struct sockaddr *addr = some_address(&len);

	if (roll(2))
		CALL(connect, fd, addr, len);
	else
		CALL(__connect, fd, addr, len);
}

static void odd_shutdown(void)
{
	CALL(shutdown, some_fd(), PICK(SHUT_RD, SHUT_WR, SHUT_RDWR, 3, -1));
}

static void odd_close(void)
{
	if (roll(2))
		CALL(close, some_fd());
	else
		CALL(__close, some_fd());
}

static void odd_close_range(void)
{
	unsigned int first = PICK(3u, 20u, 35u, UINT_MAX, 900000u);
	unsigned int last = first + PICK(0u, 1u, 2u, UINT_MAX);

	CALL(close_range, first, last, PICK(0, (int)CLOSE_RANGE_CLOEXEC, 77));
}

static void odd_dup(void)
{
	int fd = some_fd(), to = some_fd();

	if (to >= ODD_FDS && to < 1 << 20)
		return;
	switch (roll(4)) {
	case 0:
		CALL(dup, fd);
		break;
	case 1:
		CALL(dup2, fd, to);
		break;
	case 2:
		CALL(__dup2, fd, to);
		break;
	default:
		CALL(dup3, fd, to, PICK(0, O_CLOEXEC, O_NONBLOCK, -1));
	}
}

static void odd_fcntl(void)
{
	int fd = some_fd();

	switch (roll(5)) {
	case 0:
		CALL(fcntl, fd, PICK(F_DUPFD, F_DUPFD_CLOEXEC), PICK(0, 10, -1, 1 << 30));
		break;
	case 1:
		CALL(fcntl64, fd, F_SETFD, PICK(0, FD_CLOEXEC, -1));
		break;
	case 2:
		CALL(__fcntl, fd, F_GETLK, some_place(sizeof(struct flock)));
		break;
	case 3:
		CALL(fcntl, fd, F_SETFL, O_NONBLOCK | PICK(0, O_APPEND));
		break;
	default:
		CALL(fcntl, fd, PICK(F_GETFD, F_GETFL, F_GETSIG, F_GETPIPE_SZ, -1, 12345));
	}
}

/* One without a descriptor, which freopen() could not take. */
static void odd_memory_stream(void)
{
	FILE *stream = CALL_FOR_POINTER(fmemopen, odd_page, 100, "r+");

	if (stream)
		CALL(fclose, stream);
}

static void odd_stream(void)
{
	static FILE *streams[4];
	FILE **stream = &streams[roll(4)], *was = *stream;
	const char *mode = PICK((const char *)"r", "w", "r+", "a", "zzz");

	if (!was) {
		*stream = CALL_FOR_POINTER(fdopen, some_fd(), mode);
		return;
	}
	*stream = NULL;
	switch (roll(3)) {
	case 0:
		CALL(fclose, was);
		break;
	case 1:
		CALL(pclose, was);
		break;
	default:
		*stream = CALL_FOR_POINTER(freopen, PICK((const char *)"/dev/null", "/nowhere/x"),
					   mode, was);
	}
}

static void odd_read(void)
{
	int fd = some_fd(), count;
	size_t size = some_size();
	void *at = some_place(size);
	struct iovec *vector;

	switch (roll(6)) {
	case 0:
		CALL(read, fd, at, size);
		break;
	case 1:
		CALL(__read, fd, at, size);
		break;
	case 2:
		CALL(recv, fd, at, size, some_flags());
		break;
	case 3:
		vector = some_vector(&count);
		CALL(readv, fd, vector, count);
		break;
	case 4:
		vector = some_vector(&count);
		CALL(preadv2, fd, vector, count, PICK(-1, 0, -2), PICK(0, RWF_NOWAIT, 0x1000));
		break;
	default:
		CALL(recvfrom, fd, at, size, some_flags(), some_place(16), some_length());
	}
}

static void odd_write(void)
{
	int fd = some_fd(), count;
	size_t size = some_size();
	void *at = some_place(size);
	struct iovec *vector;
	socklen_t len;
	const struct sockaddr *addr;

	switch (roll(6)) {
	case 0:
		CALL(write, fd, at, size);
		break;
	case 1:
		CALL(__write, fd, at, size);
		break;
	case 2:
		CALL(send, fd, at, size, some_flags());
		break;
	case 3:
		vector = some_vector(&count);
		CALL(writev, fd, vector, count);
		break;
	case 4:
		vector = some_vector(&count);
		CALL(pwritev2, fd, vector, count, PICK(-1, 0, -2), PICK(0, 0x1000));
		break;
	default:
		addr = some_address(&len);
		CALL(sendto, fd, at, size, some_flags() & ~MSG_OOB, addr, len);
	}
}

static void odd_splice(void)
{
	loff_t *offset = roll(4) ? NULL : some_place(sizeof(*offset));

	if (roll(2))
		CALL(splice, some_fd(), offset, some_fd(), NULL, PICK((size_t)0, 1, 5000, SIZE_MAX),
		     SPLICE_F_NONBLOCK | PICK(0, 0x100));
	else
		CALL(sendfile, some_fd(), some_fd(), offset, PICK((size_t)0, 1, 5000));
}

union odd_control {
	struct cmsghdr first;
	char bytes[CMSG_SPACE(16 * sizeof(int))];
};

static void set_rights(union odd_control *control)
{
	struct cmsghdr *first = &control->first;

	first->cmsg_level = PICK(SOL_SOCKET, SOL_SOCKET, SOL_SOCKET, 0);
	first->cmsg_type = PICK(SCM_RIGHTS, SCM_RIGHTS, SCM_RIGHTS, 77);
	first->cmsg_len = PICK(CMSG_LEN(4), CMSG_LEN(4), CMSG_LEN(8), CMSG_LEN(0), 3, SIZE_MAX);
	for (int i = 0; i < 2; i++) {
		int fd = some_fd();

		memcpy(CMSG_DATA(first) + (size_t)i * sizeof(fd), &fd, sizeof(fd));
	}
}

static struct msghdr *some_message(union odd_control *control, bool is_sent)
{
	static struct msghdr message;
	static struct iovec one;
	int count = 1;

	if (roll(10) == 0)
		return some_place(sizeof(message));
	memset(control, 0, sizeof(*control));
	one = (struct iovec){odd_page, 64};
	message = (struct msghdr){.msg_iov = roll(2) ? &one : some_vector(&count)};
	message.msg_iovlen = (size_t)count;
	if (roll(4)) {
		message.msg_control = control;
		message.msg_controllen = PICK(sizeof(*control), 16, 20, 24, 32);
	}
	if (is_sent)
		set_rights(control);
	return &message;
}

static void say_rights(struct msghdr *message)
{
	struct cmsghdr *first = message->msg_controllen ? CMSG_FIRSTHDR(message) : NULL;

	say("  flags %x, %zu bytes of control\n", message->msg_flags, message->msg_controllen);
	if (!first || first->cmsg_type != SCM_RIGHTS)
		return;
	for (size_t at = CMSG_LEN(0); at < first->cmsg_len; at += sizeof(int)) {
		int fd;

		memcpy(&fd, (char *)first + at, sizeof(fd));
		say("  descriptor %d\n", fd);
		set_nonblocking(fd);
	}
}

static void odd_message(void)
{
	union odd_control control;
	bool is_sent = roll(2);
	struct msghdr *message = some_message(&control, is_sent);

	if (is_sent)
		CALL(sendmsg, some_fd(), message, some_flags());
	else if (CALL(recvmsg, some_fd(), message, some_flags()) >= 0)
		say_rights(message);
}

static void odd_messages(void)
{
	struct iovec one[2] = {{odd_page, 10}, {odd_page, PICK((size_t)0, 100)}};
	struct mmsghdr two[2] = {{.msg_hdr = {.msg_iov = &one[0], .msg_iovlen = 1}},
				 {.msg_hdr = {.msg_iov = &one[1], .msg_iovlen = 1}}};
	struct mmsghdr *messages = roll(6) ? two : some_place(sizeof(two));
	struct timespec none = {0, 0};

	memset(odd_page, 0, ODD_PAGE);
	if (roll(2))
		CALL(sendmmsg, some_fd(), messages, PICK(0u, 1u, 2u), some_flags());
	else
		CALL(recvmmsg, some_fd(), messages, PICK(0u, 1u, 2u), some_flags(),
		     roll(3) ? &none : some_place(sizeof(none)));
}

static void odd_others(void)
{
	int *fds = some_place(2 * sizeof(int));

	switch (roll(4)) {
	case 0:
		CALL(pidfd_getfd, some_fd(), some_fd(), PICK(0, 1));
		break;
	case 1:
		CALL(epoll_create1, PICK(0, EPOLL_CLOEXEC, 77));
		break;
	case 2:
		CALL(epoll_ctl, some_fd(), PICK(EPOLL_CTL_ADD, EPOLL_CTL_DEL, 77), some_fd(),
		     some_place(sizeof(struct epoll_event)));
		break;
	default:
		errno = ODD_ERRNO;
		say("pipe2 = %d %d\n", pipe2(fds, O_NONBLOCK | PICK(0, 0x7000000)), errno);
	}
}

#endif
