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

CW_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return cw_on_sendmsg(CW_FN_sendmsg, cw_real.sendmsg(fd, msg, flags), fd, msg);
}

CW_EXPORT int sendmmsg(int fd, struct mmsghdr *vec, unsigned int count, int flags)
{
	return cw_on_sendmmsg(CW_FN_sendmmsg, CW_REAL(sendmmsg)(fd, vec, count, flags), fd, vec);
}

CW_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return cw_on_recvmsg(CW_FN_recvmsg, cw_real.recvmsg(fd, msg, flags), fd, msg);
}

CW_EXPORT int recvmmsg(int fd, struct mmsghdr *vec, unsigned int count, int flags,
		       struct timespec *timeout)
{
	return cw_on_recvmmsg(CW_FN_recvmmsg, CW_REAL(recvmmsg)(fd, vec, count, flags, timeout), fd,
			      vec);
}

CW_EXPORT int pidfd_getfd(int pidfd, int theirs, unsigned int flags)
{
	int fd = CW_REAL(pidfd_getfd)(pidfd, theirs, flags);

	if (fd >= 0)
		cw_on_right_received(CW_FN_pidfd_getfd, fd);
	return fd;
}
