/* SPDX-License-Identifier: MIT */
/*
 * The host's errno, around what we do.
 */
#ifndef CW_CORE_ERROR_H
#define CW_CORE_ERROR_H

#include <errno.h>

/*
 * Leaves errno as `error`, which was read from it before.  It is not written for nothing: in the
 * parent of a forked child that copies a page.  Async-signal-safe.
 */
static inline void cw_error_restore(int error)
{
	if (errno != error)
		errno = error;
}

#endif
