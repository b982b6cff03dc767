/* SPDX-License-Identifier: MIT */
/*
 * What a message or a vector of buffers tells beside its length.  Async-signal-safe, no system call
 * of its own but those of cw_on_right_received().
 */
#ifndef CW_TRACK_MESSAGE_H
#define CW_TRACK_MESSAGE_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for any data at all?  A bad vector fails in the kernel before it matters here. */
static inline size_t cw_vector_room(const struct iovec *iov, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (iov[i].iov_len)
			return iov[i].iov_len;
	return 0;
}

/* The message was sent, or received, with these descriptors (SCM_RIGHTS, unix(7)), if any. */
void cw_message_sent(unsigned int fn, const struct msghdr *msg);
void cw_message_received(unsigned int fn, const struct msghdr *msg);

#endif
