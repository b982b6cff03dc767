/* SPDX-License-Identifier: MIT */
/*
 * The private directory of one `cwshim run`: the sessions of the processes that it watches, and
 * the FIFO by which they tell that they are about to end.
 */
#ifndef CWR_CMD_RUNDIR_H
#define CWR_CMD_RUNDIR_H

#include "util/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct cwr_rundir {
	char *path;
	char *fifo_path;
	char *filtered_path; /* a file that processes under a seccomp filter open */
	char *link;	     /* root's: the link that leads to `path`, else NULL */
	int fifo;	     /* -1: not open */
	int datagrams;	     /* of who cannot reach the FIFO; -1: not open */
	bool has_memories;   /* a process has said that it records in its memory alone */
	int opened; /* readable when a process says that it is under a filter; -1: not known */
};

/* Makes it in the directory of sessions.  Close it also after an error. */
struct cwr_error *cwr_rundir_open(struct cwr_rundir *dir, const char *session_dir);

/*
 * The next session named in the FIFO, as a path that the caller frees.  NULL: none now, or
 * *ret_refused, else 0, is a process that could have no session.  What is neither is left out.
 */
char *cwr_rundir_next(struct cwr_rundir *dir, pid_t *ret_refused);

/* Has a process said that it is under a seccomp filter, since this was asked last? */
bool cwr_rundir_has_filtered(struct cwr_rundir *dir);

/* Removes the sessions of ended processes, and the directory unless a living process uses it. */
void cwr_rundir_close(struct cwr_rundir *dir);

#endif
