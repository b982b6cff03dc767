/* SPDX-License-Identifier: MIT */
/*
 * Messages: their data, and the descriptors in their control data.
 */
#include "track/message.h"

#include "track/events.h"

#include "core/poison.h"

/* Calls visit() with each descriptor in the message's control data. */
static void for_each_right(unsigned int fn, const struct msghdr *msg,
			   void (*visit)(unsigned int fn, int fd))
{
	struct msghdr *writable = (struct msghdr *)msg; /* the macros want it so */

	for (struct cmsghdr *c = CMSG_FIRSTHDR(writable); c; c = CMSG_NXTHDR(writable, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			__builtin_memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			visit(fn, fd);
		}
	}
}

static void tell_sent(unsigned int fn, const struct msghdr *msg)
{
	if (msg->msg_controllen)
		for_each_right(fn, msg, cw_on_right_sent);
}

static void tell_received(unsigned int fn, const struct msghdr *msg)
{
	if (msg->msg_controllen)
		for_each_right(fn, msg, cw_on_right_received);
}

/* From the error queue comes what was sent, or nothing but a time of sending: never the end. */
static size_t room(const struct msghdr *msg)
{
	if (msg->msg_flags & MSG_ERRQUEUE)
		return 0;
	return cw_vector_room(msg->msg_iov, msg->msg_iovlen);
}

ssize_t cw_on_sendmsg(unsigned int fn, ssize_t ret, int fd, const struct msghdr *msg)
{
	if (ret < 0) /* msg may be no address at all */
		return cw_on_write(fn, ret, fd, NULL);
	tell_sent(fn, msg);
	return cw_on_writev(fn, ret, fd, msg->msg_iov, msg->msg_iovlen);
}

ssize_t cw_on_recvmsg(unsigned int fn, ssize_t ret, int fd, const struct msghdr *msg)
{
	if (ret >= 0)
		tell_received(fn, msg);
	return cw_on_read(fn, ret, fd, ret == 0 ? room(msg) : 0);
}

int cw_on_sendmmsg(unsigned int fn, int ret, int fd, const struct mmsghdr *vec)
{
	for (int i = 0; i < ret; i++)
		tell_sent(fn, &vec[i].msg_hdr);
	return (int)cw_on_write(fn, ret, fd, NULL);
}

int cw_on_recvmmsg(unsigned int fn, int ret, int fd, const struct mmsghdr *vec)
{
	bool is_end = false;

	for (int i = 0; i < ret; i++) {
		tell_received(fn, &vec[i].msg_hdr);
		is_end = is_end || (!vec[i].msg_len && room(&vec[i].msg_hdr));
	}
	if (is_end)
		cw_on_read(fn, 0, fd, 1);
	else
		cw_on_read(fn, ret, fd, 0);
	return ret;
}
