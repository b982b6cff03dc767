/* SPDX-License-Identifier: MIT */
/*
 * Where sessions are kept: the directory, and the file of one session in it.
 */
#ifndef CW_TRACK_STORAGE_H
#define CW_TRACK_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called in the constructor: which directory (nothing is touched yet); runtime_dir may be NULL. */
void cw_storage_init(const char *runtime_dir);

/*
 * Makes a sparse file of this many bytes and maps it whole, shared and writable; no descriptor
 * stays open.  NULL if that cannot be, which is said in one line on standard error.
 * Async-signal-safe.
 */
void *cw_storage_make(uint64_t size);

/* The path of the file made last; valid for ever. */
const char *cw_storage_path(void);

/* The start in the name of the file made last. */
uint64_t cw_storage_stamp(void);

/* Removes that file's name. */
void cw_storage_remove(void);

/* The path of a session beside the one made last; false: it is too long. */
bool cw_storage_path_of(char *path, size_t size, int pid, uint64_t stamp);
/*
 * Leaves a mark that /proc/PID/maps shows as long as the process lives: it could have no session.
 * It takes one page of addresses and no memory.
 */
void cw_storage_leave_mark(void);

/* Says in one line why there is no file; `why` follows the path.  Returns false. */
bool cw_storage_refuse(const char *why);

#endif
