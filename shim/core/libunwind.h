/* SPDX-License-Identifier: MIT */
/*
 * libunwind, for stacks that the layouts of frames do not suffice for.  Loading it costs half a
 * millisecond and a quarter of a megabyte, so that is put off until a stack wants it, which with
 * most programs is never.
 */
#ifndef CW_CORE_LIBUNWIND_H
#define CW_CORE_LIBUNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Loads it at once.  Called by the constructor; uses dlopen(3), so not async-signal-safe. */
bool cw_libunwind_load(void);

/*
 * From now on this process may load it when a stack wants it; a child forked later may not, unless
 * it says so too: one that lives for one connection would pay more than it is worth.
 */
void cw_libunwind_permit(void);

/*
 * Walks the calling thread's stack, our own frames included.  At most max (up to INT_MAX).  0: it
 * is not there, or may not be entered or loaded now, because
 * - this is a handler that interrupted it, or a child whose copy of its locks is held,
 * - loading is unsafe: in a signal handler, a vfork child or a sandbox, or beside other threads, of
 *   which one may hold the loader's lock and wait for what our caller holds.
 * May change errno.  Async-signal-safe.
 */
size_t cw_libunwind_walk(uint64_t *ips, size_t max);

/*
 * fork() copies its locks as they are: these keep other threads out of it meanwhile.
 * A thread stuck inside (interrupted for ever by a handler) is waited for only a short while; then
 * the child goes without libunwind.
 */
void cw_libunwind_fork_before(void);
void cw_libunwind_fork_after(bool is_child);

/* Is this return address libunwind's?  Then the call is its own, not the host's. */
bool cw_libunwind_is_caller(const void *return_address);

/* What its write() of one byte to its pipe returns: 1, or -1 and EFAULT. */
long cw_libunwind_answer_write(const void *address);

#endif
