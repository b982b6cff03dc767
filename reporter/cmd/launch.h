/* SPDX-License-Identifier: MIT */
/*
 * Starts the program that `cwshim run` watches.
 */
#ifndef CWR_CMD_LAUNCH_H
#define CWR_CMD_LAUNCH_H

#include "util/error.h"

#include <signal.h>
#include <sys/types.h>

struct cwr_launch {
	char *const *argv;
	const char *session_dir; /* private to this run */
	const char *notify;	 /* the FIFO in it */
	const sigset_t *mask;	 /* signals that the program shall find blocked */
	double late_s;		 /* the option late; < 0: as it is */
};

/*
 * Starts it with the library preloaded and CWSHIM_OPTIONS extended.  If it cannot be executed,
 * that is an error, *ret_pid is 0, and the error's status is 126 or 127, as a shell would say.
 */
struct cwr_error *cwr_launch(const struct cwr_launch *launch, pid_t *ret_pid);

#endif
