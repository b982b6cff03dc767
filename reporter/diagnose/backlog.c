/* SPDX-License-Identifier: MIT */
/*
 * Connections that were never accepted: there is no descriptor, so there is nothing to close, but
 * they stand in CLOSE_WAIT all the same, and take the places of those who would be served.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"

#include "util/text.h"

#include <inttypes.h>

/* Who would have to accept: the process that accepted last, else one that has the listener open. */
static struct cwr_holder *find_acceptor(const struct cwr_socket *listener)
{
	struct cwr_holder *found = NULL;

	for (struct cwr_holder *h = listener->holders; h; h = h->next)
		if (cwr_fact_counts(h) && (!found || h->last_use.t > found->last_use.t))
			found = h;
	return found;
}

static const struct cwr_mark *find_last_accept(const struct cwr_socket *listener)
{
	const struct cwr_mark *last = NULL;

	for (const struct cwr_holder *h = listener->holders; h; h = h->next)
		if (h->last_use.t && (!last || h->last_use.t > last->t))
			last = &h->last_use;
	return last;
}

static bool decide(struct cwr_case *c)
{
	const struct cwr_socket *listener = c->socket->listener;
	const struct cwr_mark *last;
	struct cwr_holder *acceptor = listener ? find_acceptor(listener) : NULL;

	if (!acceptor)
		return false;
	last = find_last_accept(listener);
	c->blamed = acceptor;
	c->confidence = CWR_HIGH;
	if (last)
		c->evidence[CWR_EV_LAST_ACCEPT] = *last;
	return true;
}

static const char *last_accept_words(struct cwr_model *model, const struct cwr_finding *f)
{
	const struct cwr_mark *last = &f->evidence[CWR_EV_LAST_ACCEPT];
	char age[32];

	if (!last->t || last->t > model->now)
		return "accept() was not called for it yet";
	return cwr_model_printf(
		model, "the latest accept() was %s ago",
		cwr_text_age((double)(model->now - last->t) / 1e9, age, sizeof(age)));
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_socket *listener = f->sockets[0]->listener;

	f->explanation = cwr_model_printf(
		model,
		"The peer connected and hung up before %s accepted it: port %u has %" PRId64
		" in its queue (at most %" PRId64 "), and %s. It is no leak of "
		"descriptors, but these stay in CLOSE_WAIT until they are accepted and closed.",
		cwr_words_blamed(model, f), listener->local.port, listener->recv_q,
		listener->send_q, last_accept_words(model, f));
	f->advice = cwr_model_printf(
		model,
		"call accept() on descriptor %d, and find what keeps %s from it: a limit on "
		"connections, a thread that is stuck, an error of accept() that ended its loop.",
		f->blamed[0]->fd, cwr_words_blamed(model, f));
}

const struct cwr_cause cwr_cause_unaccepted_backlog = {
	.id = "unaccepted-backlog",
	.verdict = CWR_STALL,
	.title = "never accepted, the peer has left",
	.key = CWR_EV_LAST_ACCEPT,
	.needs_no_holder = true,
	.decide = decide,
	.advise = advise,
};
