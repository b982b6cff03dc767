/* SPDX-License-Identifier: MIT */
/*
 * The layout of the frame that executes at an address: learned once from the object's call frame
 * information, then remembered for the whole process and its forked children.
 */
#ifndef CW_CORE_LAYOUTS_H
#define CW_CORE_LAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/layout.h"

/*
 * Makes the table.  Called once, by the constructor; uses dlsym, so not async-signal-safe.  Without
 * it, on other machines than x86-64, or where libc has no _dl_find_object (glibc before 2.35), each
 * look-up gives CW_LAYOUT_OTHER.
 */
void cw_layouts_init(void);

/* Was there what makes layouts known? */
bool cw_layouts_are_known(void);

/*
 * pc: for a caller its return address - 1, which is inside the call.  CW_LAYOUT_NONE if no object
 * is there.  Async-signal-safe; makes no system call.
 */
struct cw_layout cw_layouts_find(uintptr_t pc);

/*
 * Is the layout of this address in the table of objects that stay?  Then it does not change as long
 * as cw_layouts_last() is true, which it is not while a dlclose() is under way, nor after one that
 * took away such an object.  Async-signal-safe.
 */
bool cw_layouts_is_lasting(uintptr_t pc);
bool cw_layouts_last(void);

/* Around dlclose(): what is learned of an object must not outlive it. */
void cw_layouts_before_dlclose(void);
void cw_layouts_after_dlclose(void);

/* Before a fork: the child shall find in memory what its parent has there (core/tables.h). */
void cw_layouts_go_with_fork(void);

/* In a forked child: threads that were inside dlclose() are not there. */
void cw_layouts_after_fork(void);

#endif
