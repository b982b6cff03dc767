/* SPDX-License-Identifier: MIT */
/*
 * Descriptors go.  The record precedes the call: the number may be another thread's at once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "core/error.h"
#include "core/export.h"
#include "core/real.h"
#include "track/events.h"

#include "core/poison.h"

CW_EXPORT int __close(int fd);

/*
 * close() is a cancellation point (pthreads(7)): a thread that is cancelled there must go before
 * the record does, or the table would have lost a descriptor that is still open.  In a process of
 * one thread nobody else can cancel it.
 */
static void before_close(unsigned int fn, int fd)
{
	if (!cw_slots_is_tracked(fd))
		return;
	if (!__libc_single_threaded)
		pthread_testcancel();
	cw_before_close(fn, fd);
}

CW_EXPORT int close(int fd)
{
	before_close(CW_FN_close, fd);
	return cw_on_close(CW_FN_close, cw_real.close(fd), fd);
}

CW_EXPORT int __close(int fd)
{
	before_close(CW_FN___close, fd);
	return cw_on_close(CW_FN___close, cw_real.__close(fd), fd);
}

CW_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	cw_before_close_range(CW_FN_close_range, first, last, flags);
	return CW_REAL(close_range)(first, last, flags);
}

CW_EXPORT void closefrom(int first)
{
	cw_before_close_range(CW_FN_closefrom, first > 0 ? (unsigned int)first : 0, ~0U, 0);
	CW_REAL(closefrom)(first);
}

/*
 * A stream of NULL crashes in libc; it must be there that it does.  One without a descriptor
 * (fmemopen(3)) makes fileno() set errno, which closing it would have left alone.
 */
static void before_stream_close(unsigned int fn, FILE *stream)
{
	int error = errno;

	if (stream)
		cw_before_close(fn, fileno(stream));
	cw_error_restore(error);
}

CW_EXPORT int fclose(FILE *stream)
{
	before_stream_close(CW_FN_fclose, stream);
	return CW_REAL(fclose)(stream);
}

/* In glibc the same function as fclose(), also for streams that popen() did not make. */
CW_EXPORT int pclose(FILE *stream)
{
	before_stream_close(CW_FN_pclose, stream);
	return CW_REAL(pclose)(stream);
}

CW_EXPORT FILE *freopen(const char *path, const char *mode, FILE *stream)
{
	before_stream_close(CW_FN_freopen, stream);
	return CW_REAL(freopen)(path, mode, stream);
}

CW_EXPORT FILE *freopen64(const char *path, const char *mode, FILE *stream)
{
	before_stream_close(CW_FN_freopen64, stream);
	return CW_REAL(freopen64)(path, mode, stream);
}
