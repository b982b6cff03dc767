/* SPDX-License-Identifier: MIT */
/*
 * Descriptors go.  The record precedes the call: the number may be another thread's at once.
 */
#include <stdio.h>
#include <unistd.h>

#include "core/real.h"
#include "interpose/interpose.h"
#include "track/events.h"

#include "core/poison.h"

CW_EXPORT int close(int fd)
{
	cw_before_close(CW_FN_close, fd);
	return cw_real.close(fd);
}

CW_EXPORT int fclose(FILE *stream)
{
	/* fclose(NULL) crashes in libc; it must be there that it does. */
	if (stream)
		cw_before_close(CW_FN_fclose, fileno(stream));
	return CW_REAL(fclose)(stream);
}
