/* SPDX-License-Identifier: MIT */
/*
 * What `cwshim run` looks at from outside while it waits: once a second, more often if `--late` is
 * short, and less often where it takes long.
 */
#ifndef CWR_CMD_SAMPLER_H
#define CWR_CMD_SAMPLER_H

#include "cmd/memories.h"
#include "cmd/standing.h"
#include "cmd/unrecorded.h"

struct cwr_sampler {
	int interval_ms; /* between samples */
	uint64_t t_next; /* of the next one, monotonic */
	struct cwr_standing standing;
	struct cwr_memories memories;
	struct cwr_unrecorded *unrecorded; /* the caller's */
	pid_t command;			   /* that was started; 0: not yet */
	bool has_failed;		   /* the kernel's list could not be read, once */
};

/* All but the options are of this run. */
void cwr_sampler_start(struct cwr_sampler *sampler, const struct cwr_options *options,
		       struct cwr_unrecorded *unrecorded);

/* Milliseconds until the next sample is due. */
int cwr_sampler_wait_ms(const struct cwr_sampler *sampler);

/* Takes a sample if it is due; or at any rate, for the last one. */
void cwr_sampler_look(struct cwr_sampler *sampler);
void cwr_sampler_look_now(struct cwr_sampler *sampler);

/*
 * Tells a model whose sessions have been read: after the last sample, before the kernel is
 * observed.  What could not be watched is a limit of the command, if that is in the model.
 */
void cwr_sampler_apply(const struct cwr_sampler *sampler, struct cwr_model *model);

void cwr_sampler_free(struct cwr_sampler *sampler);

#endif
