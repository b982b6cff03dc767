/* SPDX-License-Identifier: MIT */
/*
 * Data is read; all that interests is that none came.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "core/libunwind.h"
#include "track/events.h"
#include "track/message.h"

#include "core/poison.h"

/* What fortified programs call (_FORTIFY_SOURCE, glibc debug/); declared in no header for use. */
CW_EXPORT ssize_t __read_chk(int fd, void *buf, size_t size, size_t buflen);
CW_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t size, size_t buflen, int flags);
CW_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t size, size_t buflen, int flags,
				 struct sockaddr *addr, socklen_t *len);

CW_EXPORT ssize_t read(int fd, void *buf, size_t size)
{
	if (cw_unlikely(fd < 0) && cw_libunwind_is_caller(__builtin_return_address(0))) {
		/* The unwinder drains the pipe that it believes to have (see unwinder.c). */
		errno = EAGAIN;
		return -1;
	}
	return cw_on_read(CW_FN_read, cw_real.read(fd, buf, size), fd, size);
}

CW_EXPORT ssize_t __read(int fd, void *buf, size_t size);

CW_EXPORT ssize_t __read(int fd, void *buf, size_t size)
{
	return cw_on_read(CW_FN___read, cw_real.__read(fd, buf, size), fd, size);
}

CW_EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
	ssize_t ret = cw_real.readv(fd, iov, count);

	return cw_on_read(CW_FN_readv, ret, fd, ret == 0 ? cw_vector_room(iov, (size_t)count) : 0);
}

CW_EXPORT ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	return cw_on_read(CW_FN_recv, cw_real.recv(fd, buf, size, flags), fd, size);
}

CW_EXPORT ssize_t recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
			   socklen_t *len)
{
	return cw_on_read(CW_FN_recvfrom, cw_real.recvfrom(fd, buf, size, flags, addr, len), fd,
			  size);
}

/* With offset -1 these work on sockets too (readv(2)). */
CW_EXPORT ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	ssize_t ret = CW_REAL(preadv2)(fd, iov, count, offset, flags);

	return cw_on_read(CW_FN_preadv2, ret, fd,
			  ret == 0 ? cw_vector_room(iov, (size_t)count) : 0);
}

CW_EXPORT ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags)
{
	ssize_t ret = CW_REAL(preadv64v2)(fd, iov, count, offset, flags);

	return cw_on_read(CW_FN_preadv64v2, ret, fd,
			  ret == 0 ? cw_vector_room(iov, (size_t)count) : 0);
}

/* Between a pipe and a socket: end-of-file on one side, use of the other. */
CW_EXPORT ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size,
			 unsigned int flags)
{
	ssize_t ret = CW_REAL(splice)(from, from_offset, to, to_offset, size, flags);

	cw_on_read(CW_FN_splice, ret, from, size);
	return cw_on_write(CW_FN_splice, ret, to, NULL);
}

CW_EXPORT ssize_t __read_chk(int fd, void *buf, size_t size, size_t buflen)
{
	return cw_on_read(CW_FN___read_chk, CW_REAL(__read_chk)(fd, buf, size, buflen), fd, size);
}

CW_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t size, size_t buflen, int flags)
{
	return cw_on_read(CW_FN___recv_chk, CW_REAL(__recv_chk)(fd, buf, size, buflen, flags), fd,
			  size);
}

CW_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t size, size_t buflen, int flags,
				 struct sockaddr *addr, socklen_t *len)
{
	ssize_t ret = CW_REAL(__recvfrom_chk)(fd, buf, size, buflen, flags, addr, len);

	return cw_on_read(CW_FN___recvfrom_chk, ret, fd, size);
}
