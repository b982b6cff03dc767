/* SPDX-License-Identifier: MIT */
/*
 * Descriptors travel between processes: SCM_RIGHTS (unix(7)) in both directions, and
 * pidfd_getfd(2).
 */
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/export.h"
#include "core/real.h"
#include "track/events.h"
#include "track/message.h"

#include "core/poison.h"

static size_t room(const struct msghdr *msg)
{
	return cw_vector_room(msg->msg_iov, msg->msg_iovlen);
}

CW_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t ret = cw_real.sendmsg(fd, msg, flags);

	if (ret >= 0 && cw_unlikely(msg->msg_controllen))
		cw_message_sent(CW_FN_sendmsg, msg);
	return cw_on_writev(CW_FN_sendmsg, ret, fd, msg->msg_iov, msg->msg_iovlen);
}

CW_EXPORT int sendmmsg(int fd, struct mmsghdr *vec, unsigned int count, int flags)
{
	int ret = CW_REAL(sendmmsg)(fd, vec, count, flags);

	for (int i = 0; i < ret; i++)
		if (cw_unlikely(vec[i].msg_hdr.msg_controllen))
			cw_message_sent(CW_FN_sendmmsg, &vec[i].msg_hdr);
	return (int)cw_on_write(CW_FN_sendmmsg, ret, fd, NULL);
}

CW_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t ret = cw_real.recvmsg(fd, msg, flags);

	if (ret >= 0 && cw_unlikely(msg->msg_controllen))
		cw_message_received(CW_FN_recvmsg, msg);
	return cw_on_read(CW_FN_recvmsg, ret, fd, ret == 0 ? room(msg) : 0);
}

CW_EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned int count, int flags,
		       struct timespec *timeout)
{
	int ret = CW_REAL(recvmmsg)(fd, vec, count, flags, timeout);
	bool is_end = false;

	for (int i = 0; i < ret; i++) {
		if (cw_unlikely(vec[i].msg_hdr.msg_controllen))
			cw_message_received(CW_FN_recvmmsg, &vec[i].msg_hdr);
		is_end = is_end || (!vec[i].msg_len && room(&vec[i].msg_hdr));
	}
	if (is_end)
		cw_on_read(CW_FN_recvmmsg, 0, fd, 1);
	else
		cw_on_read(CW_FN_recvmmsg, ret, fd, 0);
	return ret;
}

CW_EXPORT int pidfd_getfd(int pidfd, int theirs, unsigned int flags)
{
	int fd = CW_REAL(pidfd_getfd)(pidfd, theirs, flags);

	if (fd >= 0)
		cw_on_right_received(CW_FN_pidfd_getfd, fd);
	return fd;
}
