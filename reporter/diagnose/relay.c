/* SPDX-License-Identifier: MIT */
/*
 * A proxy that read the end-of-file on one side, passed it on by shutting down the writing half of
 * the other side, and now waits for ever for that side to end.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/pairs.h"
#include "diagnose/words.h"

#define RIGHT_AFTER_NS 1000000000ull

/* Something of what came in on one side went out on the other, one way or the other. */
static bool has_moved_data(const struct cwr_socket *side, const struct cwr_socket *other)
{
	if (!side->has_tcp_bytes || !other->has_tcp_bytes)
		return false;
	return (side->bytes_received && other->bytes_sent) ||
	       (other->bytes_received && side->bytes_sent);
}

static bool has_served(const struct cwr_socket *socket, const struct cwr_process *process,
		       pid_t tid)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && (h->eof.tid == tid || h->last_use.tid == tid))
			return true;
	return socket->creator == process && socket->created.tid == tid;
}

/*
 * A program that is its own client ends its connections in turn: there the thread has the other end
 * of what it shut down in its hands too.  A relay's other side leads away from that thread.
 */
static bool leads_back(const struct cwr_case *c, const struct cwr_socket *other,
		       const struct cwr_holder *reader)
{
	if (cwr_fact_is_other_end(c->socket, other))
		return true;
	for (const struct cwr_facing *f = cwr_pairs_facing(c->model, other); f; f = f->next)
		if (cwr_fact_is_other_end(f->socket, other) &&
		    has_served(f->socket, reader->process, reader->eof.tid))
			return true;
	return false;
}

/*
 * The holder of the other side: shut down by the thread that read the end-of-file, right after.  If
 * yet another socket's end-of-file came before that, the shutdown follows that one.
 */
static const struct cwr_holder *find_partner(const struct cwr_case *c,
					     const struct cwr_holder *reader)
{
	const struct cwr_moment *m = cwr_pairs_first_shutdown(c->model, reader);

	while (m && m->t - reader->eof.t < RIGHT_AFTER_NS &&
	       (m->holder->socket == c->socket || !has_moved_data(c->socket, m->holder->socket)))
		m = cwr_pairs_next_shutdown(c->model, m);
	if (!m || m->t - reader->eof.t >= RIGHT_AFTER_NS ||
	    leads_back(c, m->holder->socket, reader) ||
	    cwr_pairs_has_eof_until(c->model, reader, m->t))
		return NULL;
	return m->holder;
}

static bool decide(struct cwr_case *c)
{
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		const struct cwr_holder *partner =
			cwr_fact_counts(h) && h->eof.t && h->eof.tid ? find_partner(c, h) : NULL;

		if (!partner)
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_EOF] = h->eof;
		c->evidence[CWR_EV_SHUTDOWN] = partner->shutdown;
		c->confidence = CWR_MEDIUM; /* a slow answer looks the same */
		return true;
	}
	return false;
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *shutdown = &f->evidence[CWR_EV_SHUTDOWN];

	f->explanation = cwr_model_printf(
		model,
		"%s read the end-of-file here and passed it on: it shut down the writing half of "
		"the "
		"connection on its other side, descriptor %d. That peer does not close, so both "
		"connections stay for ever.",
		cwr_words_blamed(model, f), shutdown->fd);
	f->advice = cwr_model_printf(
		model,
		"after the shutdown()%s wait for the other side only so long, and then close both.",
		cwr_words_at(model, shutdown));
}

const struct cwr_cause cwr_cause_half_close_relay = {
	.id = "half-close-relay",
	.verdict = CWR_LEAK,
	.title = "relay waits for its other side",
	.key = CWR_EV_SHUTDOWN,
	.decide = decide,
	.advise = advise,
};
