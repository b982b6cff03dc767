/* SPDX-License-Identifier: MIT */
/*
 * Walking the calling thread's stack.  No malloc, no descriptor, no lock of ours.
 */
#ifndef CW_CORE_UNWIND_H
#define CW_CORE_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/options.h"
#include "core/walk.h"

/*
 * Loads the wanted unwinder and lets libunwind walk once, so that its caches and pools exist before
 * the host runs. What cannot be loaded is replaced by the next simpler one.  Called once, by the
 * constructor; uses dlopen, so not async-signal-safe.
 */
void cw_unwind_init(enum cw_unwinder wanted);

/* What is in use. */
enum cw_unwinder cw_unwind_kind(void);

/*
 * Writes the return addresses of the host's frames, innermost first, without any of this library.
 * At most max; *ret_flags gets bits of enum cw_stack_flags.  *ret_trace, unless NULL, is filled in,
 * and whole only if layouts sufficed.  Keeps errno.  Async-signal-safe.
 */
size_t cw_unwind(uint64_t *ips, size_t max, uint16_t *ret_flags, struct cw_walk_trace *ret_trace);

/*
 * The registers of the innermost frame that is not of this library.  False if stacks are not walked
 * by layouts.  Async-signal-safe.
 */
bool cw_unwind_start(struct cw_walk_start *ret);

/*
 * fork() copies the unwinder's locks as they are: these keep other threads out of it meanwhile.
 * A thread stuck inside (interrupted for ever by a handler) is waited for only a short while; then
 * the child goes without libunwind, and has whole stacks only where layouts suffice.
 */
void cw_unwind_fork_before(void);
void cw_unwind_fork_after(bool is_child);

/* Is this return address libunwind's?  Then the call is its own, not the host's. */
bool cw_unwind_is_caller(const void *return_address);

/* What the unwinder's write() of one byte to its pipe returns: 1, or -1 and EFAULT. */
long cw_unwind_answer_write(const void *address);

#endif
