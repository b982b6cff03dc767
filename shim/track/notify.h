/* SPDX-License-Identifier: MIT */
/*
 * What a process tells the `cwshim run` that it is under, if it is.  Async-signal-safe.
 */
#ifndef CW_TRACK_NOTIFY_H
#define CW_TRACK_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes a line of n bytes, its newline included and less than PIPE_BUF, to the FIFO.  False if
 * nobody listens.
 */
bool cw_notify(const char *line, size_t n);

/*
 * That this process could have no session, so nothing of it is recorded.  False if nobody could be
 * told: the FIFO is out of reach (a chroot), a socket as well, or there is no descriptor to be had.
 */
bool cw_notify_refused(void);

/* That this process will record in its memory alone: it is about to set a seccomp filter. */
void cw_notify_memory(void);

/*
 * That this process is under a seccomp filter from its start.  Only opens a file and closes it, as
 * the loader has just done for each library: the other side sees that the file was opened
 * (inotify(7)), and needs no more.
 */
void cw_notify_filtered(void);

#endif
