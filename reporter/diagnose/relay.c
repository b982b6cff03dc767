/* SPDX-License-Identifier: MIT */
/*
 * A proxy that read the end-of-file on one side, passed it on by shutting down the writing half of
 * the other side, and now waits for ever for that side to end.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"

#define RIGHT_AFTER_NS 1000000000ull

/* The holder of the other side: shut down by the thread that read the end-of-file, right after. */
static const struct cwr_holder *find_partner(const struct cwr_case *c,
					     const struct cwr_holder *reader)
{
	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next) {
		if (s == c->socket || s->state != CWR_TCP_FIN_WAIT2)
			continue;
		for (const struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->process == reader->process && h->is_open && h->shut_wr &&
			    !h->shut_rd && h->shutdown.tid == reader->eof.tid &&
			    h->shutdown.t >= reader->eof.t &&
			    h->shutdown.t - reader->eof.t < RIGHT_AFTER_NS)
				return h;
	}
	return NULL;
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
