/* SPDX-License-Identifier: MIT */
/*
 * The processes of a `cwshim run` of which nothing is recorded, or only what goes with them: noted
 * while it runs, because most are gone when the report is written.
 */
#ifndef CWR_CMD_UNRECORDED_H
#define CWR_CMD_UNRECORDED_H

#include "kernel/sockdiag.h"
#include "model/model.h"

struct cwr_unrecorded_entry;

struct cwr_unrecorded {
	struct cwr_model *model; /* whose report it will be; owns the entries */
	const char *session_dir; /* of this run, as its processes have it in their environment */
	struct cwr_unrecorded_entry *entries;
	bool has_unknown; /* a process was under a filter and was gone before it could be seen */
};

/* The process said that it could have no session. */
void cwr_unrecorded_add_refused(struct cwr_unrecorded *unrecorded, pid_t pid);

/* A process said that it is under a seccomp filter from its start: looks which one. */
void cwr_unrecorded_find_filtered(struct cwr_unrecorded *unrecorded);

/*
 * Looks for descendants of ours that run without the library (static, set-uid, an environment
 * without LD_PRELOAD): the command itself if it has sockets, others if they have one that is in
 * CLOSE_WAIT, as diag lists them.  One counts that was seen so twice: a program that is being
 * loaded has no library yet.
 */
void cwr_unrecorded_find_strangers(struct cwr_unrecorded *unrecorded, pid_t command,
				   const struct cwr_diag *diag);

/*
 * Adds to the model those that got no session later either, each with a limit that says why; the
 * unknown as a limit of `command`, the process that was started first.
 */
void cwr_unrecorded_apply(const struct cwr_unrecorded *unrecorded, pid_t command, char **argv);

#endif
