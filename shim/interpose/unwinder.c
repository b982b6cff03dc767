/* SPDX-License-Identifier: MIT */
/*
 * pipe2: interposed to answer libunwind's own call, with which it makes the pipe that it learns by
 * whether an address can be read.  It gets one that does not exist, both ends -1; its reads from
 * and writes to that are answered in read.c, write.c and syscall.c.  Everybody else's calls pass.
 * A host's handler that interrupts the unwinder is not mistaken for it: the caller's address
 * decides.
 */
#include <fcntl.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "core/libunwind.h"

#include "core/poison.h"

CW_EXPORT int pipe2(int fds[2], int flags)
{
	if (cw_unlikely(cw_libunwind_is_caller(__builtin_return_address(0)))) {
		fds[0] = fds[1] = -1;
		return 0;
	}
	return cw_real.pipe2(fds, flags);
}
