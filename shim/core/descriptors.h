/* SPDX-License-Identifier: MIT */
/*
 * Which descriptors the process has open, from /proc/self/fd.
 */
#ifndef CW_CORE_DESCRIPTORS_H
#define CW_CORE_DESCRIPTORS_H

/*
 * Calls visit() with each open descriptor; not with the one that the search itself needs meanwhile.
 * Without /proc, or without a free descriptor, there is none.  Async-signal-safe.
 */
void cw_descriptors_each(void (*visit)(void *context, int fd), void *context);

#endif
