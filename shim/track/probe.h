/* SPDX-License-Identifier: MIT */
/*
 * Asking the kernel about the sockets of this process, when a report is taken.
 */
#ifndef CW_TRACK_PROBE_H
#define CW_TRACK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "cwshim/session.h"

/*
 * Writes the kernel's word into the slots of all sockets whose peer has closed, and corrects slots
 * that the kernel contradicts.  with_strangers: also looks through /proc/self/fd for sockets that
 * came outside our view, which costs a little for each descriptor; a forked child at its exit need
 * not. Returns how many sockets were found whose peer has closed, those inherited by fork or exec
 * not counted. Async-signal-safe; one poll() for 256 sockets, and a few calls for each that was
 * found.
 */
uint32_t cw_probe_all(bool with_strangers);

/*
 * The two halves of that in a process that has a session; for one that shares its memory and runs
 * beside it, too: neither errno nor other thread-local storage is touched.  The first opens no
 * descriptor.
 */
uint32_t cw_probe_recorded(void);
uint32_t cw_probe_strangers(void);

/*
 * For a socket that is about to be closed: has its peer been gone for `ns` nanoseconds or more,
 * unread, and the program not reset it?  Then slot->probe says since when.  One system call; none
 * in a sandbox.  Sets errno.
 */
bool cw_probe_is_long_gone(struct cw_slot *slot, uint64_t ns);

#endif
