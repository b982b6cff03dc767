/* SPDX-License-Identifier: MIT */
/*
 * Sessions that lie in the memory of a living process, because it could make no file, or a seccomp
 * filter would not let it: where they are, and what the shim could not ask about the process.
 */
#ifndef CWR_KERNEL_MEMORY_H
#define CWR_KERNEL_MEMORY_H

#include "cwshim/session.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * The address of the session there.  False if there is none, or if the memory may not be read (that
 * takes the right to ptrace(2)).  *ret_header is a copy of its header, with numbers (those of its
 * own pid namespace), program, arguments, start and namespaces of the process, as /proc tells them.
 */
bool cwr_memory_find(pid_t pid, uint64_t *ret_address, struct cw_session_header *ret_header);

#endif
