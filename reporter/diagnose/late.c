/* SPDX-License-Identifier: MIT */
/*
 * Closed in the end, but long after the end-of-file was read, or, unread, long after it came: a
 * leak that a shutdown, a time limit or a garbage collector hides.  Nobody has a descriptor of it
 * any more.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"

#include "util/text.h"

/* After the read, or, of what nobody had read, after the FIN, as the kernel said at the close. */
static double lateness(const struct cwr_holder *holder, const struct cwr_holder *reader)
{
	if (!reader)
		return holder->probe.fin_seen ? holder->probe.fin_age_s : 0;
	return holder->closed.t > reader->eof.t ? (double)(holder->closed.t - reader->eof.t) / 1e9
						: 0;
}

/* The descriptor that was closed last, by whom is told in words. */
static struct cwr_holder *last_closed(const struct cwr_socket *socket)
{
	struct cwr_holder *last = NULL;

	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->closed.t && (!last || h->closed.t > last->closed.t))
			last = h;
	return last;
}

/* A process without a session of its own, known from notes, remembers nothing of lateness. */
static bool is_late(const struct cwr_model *model, const struct cwr_process *process, double age_s)
{
	double late_s = model->policy.late_s >= 0 ? model->policy.late_s : process->late_s;

	return process->late_s > 0 && age_s >= late_s;
}

static bool is_own_reader(const struct cwr_holder *reader, const struct cwr_holder *last)
{
	return reader ? reader->process == last->process
		      : last->probe.state == CWR_TCP_CLOSE_WAIT && !last->closed_at_exit;
}

static bool decide(struct cwr_case *c)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(c->socket);
	struct cwr_holder *last = last_closed(c->socket);

	if (!last || cwr_fact_server(c->socket) || !is_own_reader(reader, last) ||
	    !is_late(c->model, last->process, lateness(last, reader)))
		return false;
	c->blamed = last;
	c->confidence = CWR_HIGH;
	c->age_s = lateness(last, reader);
	if (reader)
		c->evidence[CWR_EV_EOF] = reader->eof;
	c->evidence[CWR_EV_CLOSED_ELSEWHERE] = last->closed;
	return true;
}

static void advise_unread(struct cwr_model *model, struct cwr_finding *f, const char *age)
{
	f->explanation = cwr_model_printf(model,
					  "The peer hung up and nobody read that: pid %d closed "
					  "the descriptor only %s later; until then the socket "
					  "stood in CLOSE_WAIT.",
					  f->process->pid, age);
	f->advice = cwr_model_printf(
		model,
		"let whatever serves the %s look for the end of an idle one, by poll() or a "
		"time limit, and close it then, not only%s.",
		cwr_words_socket(f), cwr_words_at(model, &f->evidence[CWR_EV_CLOSED_ELSEWHERE]));
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *eof = &f->evidence[CWR_EV_EOF];
	char age[32];

	cwr_text_age(f->oldest_s, age, sizeof(age));
	if (!eof->t) {
		advise_unread(model, f, age);
		return;
	}
	f->explanation = cwr_model_printf(
		model,
		"The peer hung up and pid %d was told so: %s returned 0. It closed the descriptor "
		"only %s later; until then the socket stood in CLOSE_WAIT.",
		f->process->pid, cwr_words_call(model, eof, "a read"), age);
	f->advice = cwr_model_printf(model, "close the %s when %s returns 0%s, not later%s.",
				     cwr_words_socket(f), cwr_words_call(model, eof, "a read"),
				     cwr_words_at(model, eof),
				     cwr_words_at(model, &f->evidence[CWR_EV_CLOSED_ELSEWHERE]));
}

const struct cwr_cause cwr_cause_closed_late = {
	.id = "closed-late",
	.verdict = CWR_STALL,
	.title = "closed in the end, but late",
	.key = CWR_EV_CLOSED_ELSEWHERE,
	.needs_no_holder = true,
	.decide = decide,
	.advise = advise,
};
