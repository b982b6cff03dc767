/* SPDX-License-Identifier: MIT */
/*
 * Closed in the end, but long after the end-of-file was read, or, unread, long after it came: a
 * leak that a shutdown, a time limit or a garbage collector hides.  Nobody has a descriptor of it
 * any more.  The program's own record tells it, of a socket that it has read to its end or
 * accepted; else `cwshim run` has seen it stand, from outside.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/index.h"
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

static bool is_on_record(const struct cwr_model *model, const struct cwr_holder *last,
			 const struct cwr_holder *reader)
{
	return last && is_own_reader(reader, last) &&
	       is_late(model, last->process, lateness(last, reader));
}

/* --- Seen from outside --------------------------------------------------------------------------
 */

/* Recorded times are as coarse as the kernel's tick. */
#define TICKS_NS 4000000u

/* A pool may keep what it has used again, or has only a few of, until it needs it. */
static bool may_be_pooled(const struct cwr_model *model, const struct cwr_socket *socket)
{
	enum { A_FEW = 3 };

	return socket->role == CWR_ROLE_CONNECTED && !cwr_fact_eof_reader(socket) &&
	       (cwr_index_is_pool(model, socket) || !socket->site.known ||
		socket->site.created < A_FEW);
}

/* Who closed it when it was last seen to stand, or later; NULL: the shim did not see it. */
static struct cwr_holder *closer_of(const struct cwr_socket *socket)
{
	struct cwr_holder *last = last_closed(socket);

	return last && last->closed.t + TICKS_NS >= socket->stood_until ? last : NULL;
}

/* A child without a session goes by what its parent calls late. */
static bool was_seen(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const struct cwr_holder *closer = closer_of(socket);
	const struct cwr_process *process = closer	      ? closer->process
					    : socket->holders ? socket->holders->process
							      : NULL;

	if (process && process->late_s <= 0)
		process = process->parent;
	return socket->stood_s > 0 && process && is_late(model, process, socket->stood_s) &&
	       !may_be_pooled(model, socket);
}

/* --- Both ----------------------------------------------------------------------------------------
 */

static bool decide_on_record(struct cwr_case *c, const struct cwr_holder *reader)
{
	struct cwr_holder *last = last_closed(c->socket);

	if (!is_on_record(c->model, last, reader))
		return false;
	c->blamed = last;
	c->evidence[CWR_EV_CLOSED_ELSEWHERE] = last->closed;
	c->confidence = CWR_HIGH;
	c->age_s = lateness(last, reader);
	return true;
}

static bool decide_seen(struct cwr_case *c)
{
	struct cwr_holder *closer = closer_of(c->socket);

	if (!was_seen(c->model, c->socket))
		return false;
	c->blamed = closer ? closer : c->socket->holders;
	c->confidence = closer ? CWR_HIGH : CWR_MEDIUM;
	if (closer)
		c->evidence[CWR_EV_CLOSED_ELSEWHERE] = closer->closed;
	c->age_s = c->socket->stood_s;
	return true;
}

static bool decide(struct cwr_case *c)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(c->socket);

	if (cwr_fact_server(c->socket) || (!decide_on_record(c, reader) && !decide_seen(c)))
		return false;
	if (reader)
		c->evidence[CWR_EV_EOF] = reader->eof;
	return true;
}

static const char *explain(struct cwr_model *model, const struct cwr_finding *f, const char *age)
{
	const struct cwr_socket *socket = f->sockets[0];
	const struct cwr_mark *eof = &f->evidence[CWR_EV_EOF];

	if (!is_on_record(model, last_closed(socket), cwr_fact_eof_reader(socket)))
		return cwr_model_printf(
			model,
			"The peer hung up, and the socket was seen to stand in CLOSE_WAIT, unused, "
			"for %s; then %s closed it.",
			age, closer_of(socket) ? cwr_words_blamed(model, f) : "somebody");
	if (!eof->t)
		return cwr_model_printf(
			model,
			"The peer hung up and nobody read that: pid %d closed the descriptor only "
			"%s later; until then the socket stood in CLOSE_WAIT.",
			f->process->pid, age);
	return cwr_model_printf(model,
				"The peer hung up and pid %d was told so: %s returned 0. It closed "
				"the descriptor only %s later; until then the socket stood in "
				"CLOSE_WAIT.",
				f->process->pid, cwr_words_call(model, eof, "a read"), age);
}

static const char *advise_to(struct cwr_model *model, const struct cwr_finding *f)
{
	const struct cwr_mark *eof = &f->evidence[CWR_EV_EOF];
	const char *closed = cwr_words_at(model, &f->evidence[CWR_EV_CLOSED_ELSEWHERE]);

	if (!eof->t)
		return cwr_model_printf(
			model,
			"let whatever serves the %s look for the end of an idle one, by poll() or "
			"a time limit, and close it then, not only%s.",
			cwr_words_socket(f), *closed ? closed : " at last");
	return cwr_model_printf(model, "close the %s when %s returns 0%s, not later%s.",
				cwr_words_socket(f), cwr_words_call(model, eof, "a read"),
				cwr_words_at(model, eof), closed);
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	char age[32];

	cwr_text_age(f->oldest_s, age, sizeof(age));
	f->explanation = explain(model, f, age);
	f->advice = advise_to(model, f);
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
