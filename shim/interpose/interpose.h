/* SPDX-License-Identifier: MIT */
/*
 * What the files of interposed functions share.  A wrapper has the real function's signature, calls
 * it, and hands its result through a verb of track/events.h, which cannot change it.
 */
#ifndef CW_INTERPOSE_H
#define CW_INTERPOSE_H

/* Only functions so marked are exported (the library is built with hidden visibility). */
#define CW_EXPORT __attribute__((visibility("default")))

#define cw_likely(x)   __builtin_expect(!!(x), 1)
#define cw_unlikely(x) __builtin_expect(!!(x), 0)

#endif
