/* SPDX-License-Identifier: MIT */
/*
 * The talk with a process that takes its report at exit (enum cw_phase in cwshim/session.h): it
 * asks, waits until its state has been captured, tears itself down, and says that it is finished.
 */
#ifndef CWR_CMD_TALK_H
#define CWR_CMD_TALK_H

#include "cwshim/session.h"
#include "util/error.h"

#include <stdbool.h>

struct cwr_talk {
	struct cw_session_header *header; /* mapped, shared with the process; NULL: not open */
};

struct cwr_error *cwr_talk_open(struct cwr_talk *talk, const char *path);
void cwr_talk_close(struct cwr_talk *talk);

/* Says how many findings fail the check and that the process may go on. */
void cwr_talk_captured(struct cwr_talk *talk, unsigned int failing);

/* Waits until the process has torn itself down, or is gone. */
void cwr_talk_wait_for_finish(struct cwr_talk *talk);

/* Says that the report is written. */
void cwr_talk_done(struct cwr_talk *talk);

#endif
