/* SPDX-License-Identifier: MIT */
/*
 * Data is written: who used the socket last, and whether after the peer's end.
 */
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "core/libunwind.h"
#include "track/events.h"

#include "core/poison.h"

CW_EXPORT ssize_t __write(int fd, const void *buf, size_t size);
CW_EXPORT ssize_t __send(int fd, const void *buf, size_t size, int flags);

CW_EXPORT ssize_t write(int fd, const void *buf, size_t size)
{
	if (cw_unlikely(fd < 0) && cw_libunwind_is_caller(__builtin_return_address(0)))
		return cw_libunwind_answer_write(buf);
	return cw_on_write(CW_FN_write, cw_real.write(fd, buf, size), fd, buf);
}

CW_EXPORT ssize_t __write(int fd, const void *buf, size_t size)
{
	return cw_on_write(CW_FN___write, cw_real.__write(fd, buf, size), fd, buf);
}

CW_EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	return cw_on_writev(CW_FN_writev, cw_real.writev(fd, iov, count), fd, iov, (size_t)count);
}

CW_EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return cw_on_writev(CW_FN_pwritev2, CW_REAL(pwritev2)(fd, iov, count, offset, flags), fd,
			    iov, (size_t)count);
}

CW_EXPORT ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
	return cw_on_writev(CW_FN_pwritev64v2, CW_REAL(pwritev64v2)(fd, iov, count, offset, flags),
			    fd, iov, (size_t)count);
}

CW_EXPORT ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	return cw_on_write(CW_FN_send, cw_real.send(fd, buf, size, flags), fd, buf);
}

CW_EXPORT ssize_t __send(int fd, const void *buf, size_t size, int flags)
{
	return cw_on_write(CW_FN___send, cw_real.__send(fd, buf, size, flags), fd, buf);
}

CW_EXPORT ssize_t sendto(int fd, const void *buf, size_t size, int flags,
			 const struct sockaddr *addr, socklen_t len)
{
	return cw_on_write(CW_FN_sendto, cw_real.sendto(fd, buf, size, flags, addr, len), fd, buf);
}

CW_EXPORT ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
	return cw_on_write(CW_FN_sendfile, CW_REAL(sendfile)(to, from, offset, size), to, NULL);
}

CW_EXPORT ssize_t sendfile64(int to, int from, off64_t *offset, size_t size)
{
	return cw_on_write(CW_FN_sendfile64, CW_REAL(sendfile64)(to, from, offset, size), to, NULL);
}
