/* SPDX-License-Identifier: MIT */
/*
 * What messages and vectors of buffers tell: data, the end-of-file, and descriptors on their way
 * (SCM_RIGHTS, unix(7)).  Async-signal-safe; keeps errno.
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

/* fn returned ret for this message; each of them returns ret. */
ssize_t cw_on_sendmsg(unsigned int fn, ssize_t ret, int fd, const struct msghdr *msg);
ssize_t cw_on_recvmsg(unsigned int fn, ssize_t ret, int fd, const struct msghdr *msg);

/* The same for ret messages, if it is positive. */
int cw_on_sendmmsg(unsigned int fn, int ret, int fd, const struct mmsghdr *vec);
int cw_on_recvmmsg(unsigned int fn, int ret, int fd, const struct mmsghdr *vec);

#endif
