/* SPDX-License-Identifier: MIT */
/*
 * Connections that stand in CLOSE_WAIT while `cwshim run` goes on, seen from outside: the kernel is
 * asked once a second (sock_diag(7)), the program not at all.  At the end this tells of sockets
 * that were closed in the end, but late, and what the kernel said last of those that a process had
 * open when it was killed.
 */
#ifndef CWR_CMD_STANDING_H
#define CWR_CMD_STANDING_H

#include "cmd/earlier.h"
#include "cmd/options.h"
#include "kernel/sockdiag.h"
#include "model/map.h"
#include "model/model.h"

struct cwr_standing_entry;

struct cwr_standing {
	double look_s;	 /* how long one stands before it is looked for */
	double late_s;	 /* the option; < 0: as each session has it */
	double in_use_s; /* the option */
	struct cwr_standing_entry *entries;
	struct cwr_map by_cookie; /* the same */
	struct cwr_earlier earlier;
	uint64_t dropped; /* connections for which there was no room */
};

/* Session_dir, of this run, stays the caller's. */
void cwr_standing_start(struct cwr_standing *standing, const struct cwr_options *options,
			const char *session_dir);

/* diag lists what is in CLOSE_WAIT now, monotonic, and is complete. */
void cwr_standing_sample(struct cwr_standing *standing, const struct cwr_diag *diag, uint64_t now);

/*
 * Tells a model whose sessions have been read: after the last sample, before the kernel is
 * observed.  What could not be watched is a limit of `command`, if that is in the model.
 */
void cwr_standing_apply(const struct cwr_standing *standing, struct cwr_model *model,
			pid_t command);

void cwr_standing_free(struct cwr_standing *standing);

#endif
