/* SPDX-License-Identifier: MIT */
/*
 * For the files that define interposed functions.  A wrapper has the real function's signature,
 * calls it, and hands its result through a verb of track/, which returns it unchanged.
 */
#ifndef CW_CORE_EXPORT_H
#define CW_CORE_EXPORT_H

/* Only functions so marked are exported (the library is built with hidden visibility). */
#define CW_EXPORT __attribute__((visibility("default")))

#define cw_unlikely(x) __builtin_expect(!!(x), 0)

#endif
