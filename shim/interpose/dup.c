/* SPDX-License-Identifier: MIT */
/*
 * Descriptors are duplicated.  dup2 replaces its target in one step, so nothing is recorded before:
 * no other thread can get the number in between.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "track/events.h"

#include "core/poison.h"

CW_EXPORT int dup(int from)
{
	return cw_on_dup(CW_FN_dup, cw_real.dup(from), from, false);
}

CW_EXPORT int dup2(int from, int to)
{
	return cw_on_dup(CW_FN_dup2, cw_real.dup2(from, to), from, false);
}

CW_EXPORT int __dup2(int from, int to);

CW_EXPORT int __dup2(int from, int to)
{
	return cw_on_dup(CW_FN___dup2, cw_real.__dup2(from, to), from, false);
}

CW_EXPORT int dup3(int from, int to, int flags)
{
	return cw_on_dup(CW_FN_dup3, cw_real.dup3(from, to, flags), from, flags & O_CLOEXEC);
}

static int on_fcntl(unsigned int fn, int ret, int fd, int cmd, const void *arg)
{
	return cw_on_fcntl(fn, ret, fd, cmd, (int)(intptr_t)arg);
}

/* Every command takes one argument of at most a pointer's size, or none (fcntl(2)). */
CW_EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return on_fcntl(CW_FN_fcntl, cw_real.fcntl(fd, cmd, arg), fd, cmd, arg);
}

CW_EXPORT int __fcntl(int fd, int cmd, ...);

CW_EXPORT int __fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return on_fcntl(CW_FN___fcntl, cw_real.__fcntl(fd, cmd, arg), fd, cmd, arg);
}

CW_EXPORT int fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return on_fcntl(CW_FN_fcntl64, cw_real.fcntl64(fd, cmd, arg), fd, cmd, arg);
}

/* The stream owns the number from now on: fclose() ends it. */
CW_EXPORT FILE *fdopen(int fd, const char *mode)
{
	FILE *stream = CW_REAL(fdopen)(fd, mode);

	if (stream)
		cw_on_fdopen(CW_FN_fdopen, fd);
	return stream;
}
