/* SPDX-License-Identifier: MIT */
/*
 * Samples at intervals; see sampler.h.
 */
#include "cmd/sampler.h"

#include "kernel/proc.h"

#include <math.h>

enum {
	INTERVAL_MS = 1000,
	INTERVAL_MIN_MS = 100,
	SHARE = 50, /* a fiftieth of a processor's time, at most, goes into samples */
};

/* Who calls a close late so soon wants to see it. */
static int interval_for(double late_s)
{
	return late_s < 0 ? INTERVAL_MS
			  : (int)fmin(INTERVAL_MS, fmax(INTERVAL_MIN_MS, late_s * 1000 / 2));
}

void cwr_sampler_start(struct cwr_sampler *sampler, const struct cwr_options *options,
		       struct cwr_unrecorded *unrecorded)
{
	*sampler = (struct cwr_sampler){
		.interval_ms = interval_for(options->late_s),
		.memories.session_dir = unrecorded->session_dir,
		.memories.in_use_s = options->in_use_s,
		.unrecorded = unrecorded,
	};
	cwr_standing_start(&sampler->standing, options, unrecorded->session_dir);
}

int cwr_sampler_wait_ms(const struct cwr_sampler *sampler)
{
	uint64_t now = cwr_proc_now(CLOCK_MONOTONIC);

	return now < sampler->t_next ? (int)((sampler->t_next - now) / 1000000) + 1 : 0;
}

/* What is missing in half a list has not gone. */
static void take_sample(struct cwr_sampler *sampler, uint64_t now)
{
	struct cwr_diag *diag;
	struct cwr_error *error = cwr_diag_read_close_wait(&diag);

	if (!error)
		cwr_standing_sample(&sampler->standing, diag, now);
	cwr_memories_sample(&sampler->memories, diag, now);
	cwr_unrecorded_find_strangers(sampler->unrecorded, sampler->command, diag);
	sampler->has_failed |= error != NULL;
	cwr_error_free(error);
	cwr_diag_free(diag);
}

void cwr_sampler_look_now(struct cwr_sampler *sampler)
{
	uint64_t now = cwr_proc_now(CLOCK_MONOTONIC), pause;
	uint64_t cost = cwr_proc_now(CLOCK_THREAD_CPUTIME_ID);

	take_sample(sampler, now);
	cost = cwr_proc_now(CLOCK_THREAD_CPUTIME_ID) - cost;
	pause = (uint64_t)sampler->interval_ms * 1000000;
	sampler->t_next = now + (cost * SHARE > pause ? cost * SHARE : pause);
}

void cwr_sampler_look(struct cwr_sampler *sampler)
{
	if (cwr_proc_now(CLOCK_MONOTONIC) >= sampler->t_next)
		cwr_sampler_look_now(sampler);
}

void cwr_sampler_apply(const struct cwr_sampler *sampler, struct cwr_model *model)
{
	struct cwr_process *process;

	cwr_memories_apply(&sampler->memories, model);
	cwr_standing_apply(&sampler->standing, model, sampler->command);
	process = cwr_model_find_process(model, sampler->command);
	if (process && sampler->has_failed)
		cwr_model_add_limit(model, process,
				    "the kernel's list of connections could not always be read "
				    "while it ran: closed-late may be missing");
}

void cwr_sampler_free(struct cwr_sampler *sampler)
{
	cwr_standing_free(&sampler->standing);
	cwr_memories_free(&sampler->memories);
}
