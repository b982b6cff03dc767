/* SPDX-License-Identifier: MIT */
/*
 * A proxy that read the end-of-file on one side, passed it on by shutting down the writing half of
 * the other side, and now waits for ever for that side to end.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
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
	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next)
		if (cwr_fact_is_other_end(s, other) &&
		    has_served(s, reader->process, reader->eof.tid))
			return true;
	return false;
}

/* The shutdown follows the thread's latest end-of-file; was that of yet another socket? */
static bool follows_another(const struct cwr_case *c, const struct cwr_holder *reader,
			    uint64_t shutdown_t)
{
	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next)
		for (const struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->process == reader->process && h->eof.tid == reader->eof.tid &&
			    h->eof.t > reader->eof.t && h->eof.t <= shutdown_t)
				return true;
	return false;
}

static bool is_shut_right_after(const struct cwr_holder *h, const struct cwr_holder *reader)
{
	return h->process == reader->process && h->is_open && h->shut_wr && !h->shut_rd &&
	       h->shutdown.tid == reader->eof.tid && h->shutdown.t >= reader->eof.t &&
	       h->shutdown.t - reader->eof.t < RIGHT_AFTER_NS;
}

/* The holder of the other side: shut down by the thread that read the end-of-file, right after. */
static const struct cwr_holder *find_partner(const struct cwr_case *c,
					     const struct cwr_holder *reader)
{
	const struct cwr_holder *next = NULL;
	const struct cwr_socket *other = NULL;

	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next) {
		if (s == c->socket || s->state != CWR_TCP_FIN_WAIT2 ||
		    !has_moved_data(c->socket, s))
			continue;
		for (const struct cwr_holder *h = s->holders; h; h = h->next) {
			if (!is_shut_right_after(h, reader) ||
			    (next && next->shutdown.t <= h->shutdown.t))
				continue;
			next = h;
			other = s;
		}
	}
	if (!next || leads_back(c, other, reader) || follows_another(c, reader, next->shutdown.t))
		return NULL;
	return next;
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
