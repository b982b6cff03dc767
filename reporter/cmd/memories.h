/* SPDX-License-Identifier: MIT */
/*
 * Processes of a `cwshim run` whose sessions lie in their memory alone, because of a seccomp filter
 * or because they could make no file.  At their end nothing would be left: so they are copied with
 * each sample, through /proc/PID/mem, which neither stops nor traces them.
 */
#ifndef CWR_CMD_MEMORIES_H
#define CWR_CMD_MEMORIES_H

#include "kernel/sockdiag.h"
#include "model/model.h"

struct cwr_memory;

struct cwr_memories {
	const char *session_dir; /* of this run, as its processes have it in their environment */
	double in_use_s;	 /* as cwr_sighting_take() wants it */
	bool is_on;		 /* there is such a process: else nothing is looked for */
	struct cwr_memory *list;
	size_t n;
	bool is_full; /* once there were more than can be kept */
};

/* Copies the sessions of those that live.  diag lists what is in CLOSE_WAIT now, monotonic. */
void cwr_memories_sample(struct cwr_memories *memories, const struct cwr_diag *diag, uint64_t now);

/*
 * Reads the copies into the model, before the kernel is observed.  What is not known of those that
 * have ended, and that there were too many, stands in their limits.
 */
void cwr_memories_apply(const struct cwr_memories *memories, struct cwr_model *model);

void cwr_memories_free(struct cwr_memories *memories);

#endif
