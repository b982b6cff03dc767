/* SPDX-License-Identifier: MIT */
/*
 * pipe2, write and syscall: interposed to answer libunwind's own calls, which it makes to learn
 * whether an address can be read.  It gets a pipe that does not exist (both ends -1), and its
 * writes to that are answered by asking the kernel about the address.  Everybody else's calls pass.
 * read() does its part in read.c.  Async-signal-safe, and a host's handler that interrupts the
 * unwinder is not mistaken for it: the caller's address decides.
 */
#include <errno.h>
#include <stdarg.h>

#include "core/raw.h"
#include "core/real.h"
#include "core/unwind.h"
#include "interpose/interpose.h"

#include "core/poison.h"

static long answer_write(const void *address)
{
	if (cw_unwind_is_readable(address))
		return 1;
	errno = EFAULT;
	return -1;
}

CW_EXPORT int pipe2(int fds[2], int flags)
{
	if (cw_unlikely(cw_unwind_is_caller(__builtin_return_address(0)))) {
		fds[0] = fds[1] = -1;
		return 0;
	}
	return cw_real.pipe2(fds, flags);
}

CW_EXPORT ssize_t write(int fd, const void *buf, size_t size)
{
	if (cw_unlikely(fd < 0) && cw_unwind_is_caller(__builtin_return_address(0)))
		return answer_write(buf);
	return cw_real.write(fd, buf, size);
}

CW_EXPORT long syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (cw_unlikely(nr == SYS_write && (int)a[0] == -1) &&
	    cw_unwind_is_caller(__builtin_return_address(0)))
		return answer_write((const void *)a[1]);
	return cw_real.syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
