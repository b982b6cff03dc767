/* SPDX-License-Identifier: MIT */
/*
 * A process that ran out of descriptors.  That follows from something: the finding is there only
 * where descriptors are still scarce, or where leaks that were found hold a good part of them.  A
 * program that has once run into its limit, and recovered, is left with a note.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
	SCARCE_PERCENT = 90, /* of the limit is in use */
	GUILTY_PERCENT = 25, /* of the limit is held by what was found */
};

static bool is_failing(const struct cwr_finding *f, const struct cwr_process *process)
{
	return f->process == process && !f->ncalls && !f->suppressed &&
	       (f->verdict == CWR_LEAK || f->verdict == CWR_STALL);
}

static uint64_t count_guilty(const struct cwr_model *model, const struct cwr_process *process)
{
	uint64_t n = 0;

	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		if (is_failing(f, process))
			n += f->nsockets;
	return n;
}

static bool is_accept(const struct cwr_mark *mark)
{
	return mark->op && strstr(mark->op, "accept");
}

/* The listener is the socket that stalls. */
static void add_listener(struct cwr_model *model, struct cwr_finding *f)
{
	struct cwr_socket *listener = f->process->exhausted_listener;
	struct cwr_holder *holder = listener ? cwr_fact_open_in(listener, f->process) : NULL;

	if (!holder)
		return;
	f->sockets = cwr_model_alloc(model, sizeof(*f->sockets));
	f->blamed = cwr_model_alloc(model, sizeof(*f->blamed));
	f->sockets[0] = listener;
	f->blamed[0] = holder;
	f->nsockets = 1;
	f->evidence[CWR_EV_CREATED] = listener->created;
}

static bool decide_process(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_process *p = f->process;
	uint64_t guilty = count_guilty(model, p);
	bool is_scarce = p->fd_limit && p->nfds * 100 >= p->fd_limit * SCARCE_PERCENT;
	bool is_guilty = guilty && guilty * 100 >= p->fd_limit * GUILTY_PERCENT;

	if (!p->emfile || (!is_scarce && !is_guilty))
		return false;
	f->confidence = is_scarce && guilty ? CWR_HIGH : CWR_MEDIUM;
	f->is_confirmed = is_scarce;
	f->ncalls = p->emfile;
	add_listener(model, f);
	f->evidence[is_accept(&p->exhausted) ? CWR_EV_LAST_ACCEPT : CWR_EV_FAILED] = p->exhausted;
	return true;
}

static const char *descriptors_words(struct cwr_model *model, const struct cwr_process *p)
{
	if (!p->fd_limit)
		return "";
	return cwr_model_printf(
		model, ", which has %" PRIu64 " descriptors open (its limit is %" PRIu64 ")",
		p->nfds, p->fd_limit);
}

/* The findings that hold descriptors of this process, worst first. */
static size_t set_related(struct cwr_model *model, struct cwr_finding *f)
{
	size_t n = 0;

	for (const struct cwr_finding *other = model->findings; other; other = other->next)
		n += is_failing(other, f->process);
	f->related = cwr_model_alloc(model, (n + 1) * sizeof(*f->related));
	n = 0;
	for (const struct cwr_finding *other = model->findings; other; other = other->next)
		if (is_failing(other, f->process))
			f->related[n++] = other->id;
	return n;
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_process *p = f->process;
	uint64_t guilty = count_guilty(model, p);
	size_t related = set_related(model, f);

	f->explanation = cwr_model_printf(
		model, "%s failed with %s %" PRIu64 " time%s in pid %d%s.%s",
		cwr_words_call(model, &p->exhausted, "a call"),
		p->exhausted.result == -ENFILE ? "ENFILE" : "EMFILE", f->ncalls,
		f->ncalls == 1 ? "" : "s", p->pid, descriptors_words(model, p),
		related ? cwr_model_printf(model,
					   " %" PRIu64 " of them are sockets that are reported "
					   "here with their causes.",
					   guilty)
			: "");
	f->advice = related ? "mend the other findings of this process; a higher limit only "
			      "delays this."
			    : "find what holds so many descriptors (ls -l /proc/PID/fd), or raise "
			      "the limit (ulimit -n).";
}

const struct cwr_cause cwr_cause_fd_exhaustion = {
	.id = "fd-exhaustion",
	.verdict = CWR_STALL,
	.title = "out of descriptors",
	.key = CWR_EV_FAILED,
	.decide_process = decide_process,
	.advise = advise,
};
