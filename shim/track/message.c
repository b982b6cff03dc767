/* SPDX-License-Identifier: MIT */
/*
 * Descriptors in the control data of messages.
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

void cw_message_sent(unsigned int fn, const struct msghdr *msg)
{
	for_each_right(fn, msg, cw_on_right_sent);
}

void cw_message_received(unsigned int fn, const struct msghdr *msg)
{
	for_each_right(fn, msg, cw_on_right_received);
}
