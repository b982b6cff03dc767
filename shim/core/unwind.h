/* SPDX-License-Identifier: MIT */
/*
 * Walking the calling thread's stack.  No malloc, no descriptor, no lock of ours.
 */
#ifndef CW_CORE_UNWIND_H
#define CW_CORE_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/options.h"
#include "core/walk.h"

/*
 * Prepares the wanted unwinder; what is not there is replaced by the next simpler one.  Libunwind
 * is loaded only if no layouts can be known.  Called once, by the constructor; uses dlopen, so not
 * async-signal-safe.
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

#endif
