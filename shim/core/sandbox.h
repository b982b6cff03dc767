/* SPDX-License-Identifier: MIT */
/*
 * Seccomp: a filter may kill the process for any system call that its author did not think of. Once
 * one is on, nothing of ours makes one; what needs none goes on from memory.
 */
#ifndef CW_CORE_SANDBOX_H
#define CW_CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/options.h"

/* A filter is on, or about to be.  Each function that makes a system call asks this first. */
extern bool cw_is_sandboxed;

/*
 * Called in the constructor: is a filter on already that is to be avoided?  (Fields Seccomp and
 * Seccomp_filters of /proc/PID/status, proc(5); reading a file is what the loader has just done for
 * each library.)  `known` is the number of filters that a `cwshim run` is under itself: as many are
 * no sandbox of this program either.
 */
void cw_sandbox_init(enum cw_filter manner, uint64_t known);

/* Functions to call just before a filter is set, and when setting it failed.  In the constructor.
 */
void cw_sandbox_on_change(void (*enter)(void), void (*leave)(void));

/* prctl(option, arg) or seccomp(operation) is about to be called; true if that sets a filter. */
bool cw_sandbox_before_prctl(int option, unsigned long arg);
bool cw_sandbox_before_seccomp(unsigned int operation);

/* Setting the filter failed. */
void cw_sandbox_leave(void);

#endif
