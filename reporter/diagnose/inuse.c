/* SPDX-License-Identifier: MIT */
/*
 * Half-open and in use: the peer has said that it will send no more, and the program still sends,
 * which TCP allows.  Not a leak.
 *
 * What counts is data sent after the FIN.  When the end-of-file was read, that read is the later
 * bound of the FIN; when not, the kernel's age of the last acknowledgement is, which a peer that
 * acknowledges moves forward: then only unsent data that shrinks decides.
 */
#include "diagnose/inuse.h"
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"
#include "model/calls.h"

#define CLOCKS_APART_NS 100000000ULL

static bool is_sending(const struct cwr_mark *mark)
{
	return mark->t && cwr_call_sends(mark->op);
}

static uint64_t seconds_before(const struct cwr_model *model, double seconds)
{
	uint64_t ns = (uint64_t)(seconds * 1e9);

	return ns < model->now ? model->now - ns : 0;
}

/* The FIN came no later than this; the end of time if nothing is known. */
static uint64_t fin_latest(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(socket);

	if (reader)
		return reader->eof.t;
	if (socket->fin_age_s >= 0)
		return seconds_before(model, socket->fin_age_s);
	return UINT64_MAX;
}

/*
 * Within in_use_s before the last moment that is known of the process.  Nothing is known of when a
 * killed one ended: its last write may have been the moment before, so it gets the benefit of
 * doubt.
 */
static bool is_recent(const struct cwr_model *model, const struct cwr_process *process, uint64_t t)
{
	uint64_t until = cwr_fact_known_until(model, process);
	uint64_t ns = (uint64_t)(model->policy.in_use_s * 1e9);

	return !until || t + ns > until;
}

/*
 * What a TLS library writes after the end-of-file is as a rule its alert.  Without a stack that
 * goes beyond the library's own innards nobody can tell.
 */
static bool may_be_alert(const struct cwr_holder *holder)
{
	const struct cwr_stack *stack = holder->last_use.stack;

	return cwr_fact_is_tls_own(&holder->last_use) ||
	       (holder->speaks_tls && (!stack || stack->nips < 2));
}

/* Recorded times are as coarse as the kernel's tick: a write right after the read may equal it. */
static bool has_sent_since(const struct cwr_model *model, const struct cwr_holder *holder,
			   uint64_t fin)
{
	return is_sending(&holder->last_use) && holder->last_use.t >= fin &&
	       !may_be_alert(holder) && is_recent(model, holder->process, holder->last_use.t);
}

/*
 * By the kernel's clock of the last segment with data.  It counts in milliseconds and ticks, and
 * is subtracted from another clock's now: what was sent right before the end-of-file must not
 * pass for something sent after it.
 */
static bool was_sent_since(const struct cwr_model *model, const struct cwr_socket *socket,
			   uint64_t fin)
{
	uint64_t t = socket->has_sent_age ? seconds_before(model, socket->sent_age_s) : 0;

	return fin < UINT64_MAX - CLOCKS_APART_NS && t > fin + CLOCKS_APART_NS &&
	       seconds_before(model, model->policy.in_use_s) < t;
}

static bool is_draining(const struct cwr_socket *socket)
{
	return socket->send_q >= 0 && socket->send_q < socket->send_q_before;
}

/* What was sent last is an alert that closes a TLS session: no data that the peer waits for. */
static bool was_sent_by_library(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (cwr_fact_is_tls_own(&h->last_use))
			return true;
	return false;
}

struct cwr_holder *cwr_inuse_find(const struct cwr_model *model, const struct cwr_socket *socket)
{
	uint64_t fin = fin_latest(model, socket);

	if (socket->state == CWR_TCP_CLOSE)
		return NULL; /* nothing can be sent any more */
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (cwr_fact_counts(h) && has_sent_since(model, h, fin))
			return h;
	if (is_draining(socket) ||
	    (was_sent_since(model, socket, fin) && !was_sent_by_library(socket)))
		return cwr_fact_server(socket);
	return NULL;
}

static bool decide(struct cwr_case *c)
{
	struct cwr_holder *user = cwr_inuse_find(c->model, c->socket);

	if (!user)
		return false;
	c->blamed = user;
	c->evidence[CWR_EV_EOF] = user->eof;
	c->evidence[CWR_EV_LAST_USE] = user->last_use;
	c->confidence = cwr_fact_known_until(c->model, user->process) ? CWR_HIGH : CWR_LOW;
	return true;
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(
		model, "The peer will send no more, but %s still sends, as it may: not a leak.",
		cwr_words_blamed(model, f));
	f->advice = "none, if the program closes the socket when it has sent everything.";
}

const struct cwr_cause cwr_cause_half_open_in_use = {
	.id = "half-open-in-use",
	.verdict = CWR_IN_USE,
	.title = "half-open and in use",
	.key = CWR_EV_CREATED,
	.decide = decide,
	.advise = advise,
};
