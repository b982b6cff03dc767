/* SPDX-License-Identifier: MIT */
/*
 * The connection is over in both directions, by the program's own shutdown() or by a reset, and the
 * kernel no longer lists it, but the descriptor is still open.
 */
#include "diagnose/cause.h"
#include "diagnose/clients.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"

/*
 * shutdown(SHUT_WR) followed by reading up to the end-of-file is the polite way to end: there the
 * close is missing after that read, which is another cause.
 */
static bool was_taken_for_close(const struct cwr_holder *holder)
{
	if (!holder->shutdown.t || !holder->shut_wr)
		return false;
	return holder->shut_rd || holder->eof.t <= holder->shutdown.t;
}

static bool decide_shutdown(struct cwr_case *c)
{
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		if (!cwr_fact_counts(h) || !was_taken_for_close(h))
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_EOF] = h->eof;
		c->evidence[CWR_EV_SHUTDOWN] = h->shutdown;
		c->confidence = CWR_HIGH;
		return true;
	}
	return false;
}

static void advise_shutdown(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(model,
					  "shutdown() ended the connection, but it does not free "
					  "the descriptor: only close() "
					  "does, and %s never called it.",
					  cwr_words_blamed(model, f));
	f->advice = cwr_model_printf(model, "call close() after shutdown()%s.",
				     cwr_words_at(model, &f->evidence[CWR_EV_SHUTDOWN]));
}

const struct cwr_cause cwr_cause_shutdown_not_closed = {
	.id = "shutdown-not-closed",
	.verdict = CWR_LEAK,
	.title = "shut down, but never closed",
	.key = CWR_EV_SHUTDOWN,
	.decide = decide_shutdown,
	.advise = advise_shutdown,
};

static struct cwr_holder *find_reset(const struct cwr_socket *socket)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (cwr_fact_counts(h) && h->saw_reset)
			return h;
	return NULL;
}

/*
 * The program's own shutdown and the peer's FIN end in the same state as a reset.  A forked child
 * that read the end-of-file may have shut down as well: of its shutdown() and close() one is kept.
 */
static bool was_ended_politely(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->shutdown.t || (h->via == CWR_VIA_FORK && h->eof.t))
			return true;
	return false;
}

/*
 * To the alert with which a TLS library answers an end-of-file, a peer that has closed answers with
 * a reset.  The program was told by the end-of-file.
 */
static bool was_provoked(const struct cwr_socket *socket)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(socket);

	return reader && cwr_fact_is_tls_own(&reader->last_use) &&
	       reader->last_use.t >= reader->eof.t;
}

static bool decide_reset(struct cwr_case *c)
{
	struct cwr_holder *holder = find_reset(c->socket);
	bool is_gone = c->socket->state == CWR_TCP_CLOSE && !was_ended_politely(c->socket) &&
		       !was_provoked(c->socket);

	if (!holder && (!is_gone || cwr_clients_is_pooled(c)))
		return false;
	c->confidence = holder ? CWR_HIGH : CWR_MEDIUM;
	if (!holder)
		holder = cwr_fact_server(c->socket);
	c->blamed = holder;
	c->evidence[CWR_EV_EOF] = holder->eof;
	c->evidence[CWR_EV_LAST_USE] = holder->last_use;
	return true;
}

/* Where no call has failed, a program that closes when one does would have closed in vain. */
static const char *reset_advice(struct cwr_model *model, const struct cwr_finding *f,
				const struct cwr_mark *last)
{
	const struct cwr_mark *eof = &f->evidence[CWR_EV_EOF];

	if (f->blamed[0]->saw_reset)
		return cwr_model_printf(
			model,
			"close the %s when a call on it fails (ECONNRESET, EPIPE, ETIMEDOUT)%s.",
			cwr_words_socket(f), cwr_words_at(model, last));
	if (eof->t)
		return cwr_model_printf(
			model, "close the %s after %s has returned 0%s: no other call is to come.",
			cwr_words_socket(f), cwr_words_call(model, eof, "a read"),
			cwr_words_at(model, eof));
	return cwr_model_printf(
		model,
		"no call on it has failed so far: close the %s created%s when it is done with, or "
		"use poll(), a timeout or keep-alive to notice that the peer is gone.",
		cwr_words_socket(f), cwr_words_at(model, &f->evidence[CWR_EV_CREATED]));
}

static void advise_reset(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *last = &f->evidence[CWR_EV_LAST_USE];

	if (!last->t)
		last = &f->evidence[CWR_EV_EOF];
	f->explanation = cwr_model_printf(
		model,
		"The connection was reset or timed out, so ss no longer shows it, but %s %s the "
		"descriptor%s.",
		cwr_words_blamed(model, f), cwr_words_holds(f),
		f->blamed[0]->saw_reset ? " although a call failed and told so" : "");
	f->advice = reset_advice(model, f, last);
}

const struct cwr_cause cwr_cause_reset_not_closed = {
	.id = "reset-not-closed",
	.verdict = CWR_LEAK,
	.title = "reset by the peer, never closed",
	.key = CWR_EV_CREATED,
	.decide = decide_reset,
	.advise = advise_reset,
};
