/* SPDX-License-Identifier: MIT */
/*
 * One observation of the processes and sockets in the model; see kernel.h.
 */
#include "kernel/kernel.h"

#include "kernel/observer.h"
#include "kernel/proc.h"

static void set_clock(struct cwr_model *model)
{
	model->now = cwr_proc_now(CLOCK_MONOTONIC);
	model->now_real_ns = (int64_t)cwr_proc_now(CLOCK_REALTIME);
}

/* Without the list the report is poorer, not wrong: descriptors can still be asked one by one. */
static void say_no_list(struct cwr_model *model, const struct cwr_error *error)
{
	const char *sentence = cwr_model_printf(
		model, "the kernel's list of connections could not be read (%s)", error->message);

	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->is_alive)
			cwr_model_add_limit(model, p, sentence);
}

static void read_threads(struct cwr_model *model)
{
	for (struct cwr_socket *s = model->sockets; s; s = s->next) {
		if (!s->peer_has_closed)
			continue;
		for (struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->is_open && h->process->is_alive && !h->process->threads)
				cwr_proc_read_threads(model, h->process);
	}
}

struct cwr_error *cwr_kernel_observe(struct cwr_model *model)
{
	struct cwr_observer observer = {.model = model};
	struct cwr_error *error;

	set_clock(model);
	cwr_observe_liveness(&observer);
	error = cwr_diag_read(&observer.diag);
	if (error)
		say_no_list(model, error);
	cwr_error_free(error);
	cwr_observe_holders(&observer);
	cwr_observe_unknowns(&observer);
	cwr_observe_foreigners(&observer);
	cwr_observe_facts(&observer);
	read_threads(model);
	cwr_diag_free(observer.diag);
	return NULL;
}
