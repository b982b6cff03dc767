/* SPDX-License-Identifier: MIT */
/*
 * TLS above the socket: its session was shut down and the socket was not closed, or its handshake
 * came to rest and nobody waits for the rest of it.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

/* The library's function that a mark's stack runs through. */
static const char *words_call(const struct cwr_mark *mark)
{
	return mark->stack && mark->stack->tls_call ? mark->stack->tls_call : "the TLS library";
}

/* --- tls-not-closed ------------------------------------------------------------------------------
 */

/* It did close something then, only not this. */
static bool has_closed_another(const struct cwr_holder *holder, const struct cwr_mark *goodbye)
{
	return holder->wrong_close.t >= goodbye->t && holder->wrong_close.tid == goodbye->tid;
}

/*
 * Before reset-not-closed in the table: to a closing alert that comes too late the peer's kernel
 * answers with a reset, which is then no reason of its own.
 */
static bool decide_not_closed(struct cwr_case *c)
{
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		const struct cwr_mark *goodbye =
			cwr_fact_counts(h) ? cwr_fact_tls_goodbye(h) : NULL;

		if (!goodbye || has_closed_another(h, goodbye))
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_SHUTDOWN] = *goodbye;
		c->evidence[CWR_EV_EOF] = h->eof;
		c->confidence = h->eof.t ? CWR_HIGH : CWR_MEDIUM;
		return true;
	}
	return false;
}

static void advise_not_closed(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *goodbye = &f->evidence[CWR_EV_SHUTDOWN];

	f->explanation = cwr_model_printf(
		model,
		"%s ended the TLS session with %s(), the last that was done here. That and "
		"freeing the session leave the socket open: only close() ends it, and nobody "
		"called that.",
		cwr_words_blamed(model, f), words_call(goodbye));
	f->advice = cwr_model_printf(model, "close the %s after %s()%s, whatever that returns.",
				     cwr_words_socket(f), words_call(goodbye),
				     cwr_words_at(model, goodbye));
}

const struct cwr_cause cwr_cause_tls_not_closed = {
	.id = "tls-not-closed",
	.verdict = CWR_LEAK,
	.title = "TLS session shut down, socket not closed",
	.key = CWR_EV_SHUTDOWN,
	.decide = decide_not_closed,
	.advise = advise_not_closed,
};

/* --- tls-handshake-stalled -----------------------------------------------------------------------
 */

static bool is_in_handshake(const struct cwr_mark *mark)
{
	return mark->t && mark->stack && mark->stack->tls == CWR_TLS_HANDSHAKE;
}

/* It runs: what it will do next is not known.  Of one that ends nothing more will come. */
static bool is_computing(const struct cwr_process *process, const struct cwr_thread *thread)
{
	return thread && thread->known && thread->syscall < 0 && !cwr_fact_is_ending(process);
}

/* Its thread is busy or stuck elsewhere, or a loop that would be told has stopped: other causes. */
static bool would_be_served(const struct cwr_case *c, const struct cwr_holder *holder, pid_t tid)
{
	const struct cwr_process *process = holder->process;
	const struct cwr_thread *thread = cwr_waits_thread(process, tid);
	struct cwr_waiting waiting = cwr_waits_of(c->socket, holder);

	return (waiting.wants_input && !waiting.is_edge_triggered && !waiting.is_disarmed) ||
	       cwr_waits_in_call(process, holder->fd) || is_computing(process, thread) ||
	       cwr_waits_is_stuck(c->model, process, thread);
}

/*
 * Where the handshake came to rest: the library asked for more and was told to come again, or it
 * was told of the end.  In the latter case the close is missing that should follow, and the rule
 * for that comes first; this is then mentioned.
 */
static const struct cwr_mark *find_rest(const struct cwr_holder *holder)
{
	if (holder->eof.t)
		return is_in_handshake(&holder->eof) ? &holder->eof : NULL;
	if (is_in_handshake(&holder->waited) && holder->last_use.t <= holder->waited.t)
		return &holder->waited;
	return NULL;
}

static bool is_certain(const struct cwr_case *c, const struct cwr_holder *holder)
{
	return cwr_waits_are_known(holder->process) && !cwr_waits_of(c->socket, holder).sets &&
	       !cwr_fact_is_ending(holder->process);
}

static bool decide_stalled(struct cwr_case *c)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(c->socket);

	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		const struct cwr_mark *rest = cwr_fact_counts(h) ? find_rest(h) : NULL;

		if (!rest || (reader && reader != h) || would_be_served(c, h, rest->tid))
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_LAST_USE] = *rest;
		c->confidence = is_certain(c, h) ? CWR_HIGH : CWR_MEDIUM;
		return true;
	}
	return false;
}

static void advise_stalled(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *last = &f->evidence[CWR_EV_LAST_USE];

	f->explanation = cwr_model_printf(
		model,
		"The TLS handshake was not completed: %s() waited for more from the peer, which "
		"hung up instead, and %s does not look at the socket any more.",
		words_call(last), cwr_words_blamed(model, f));
	f->advice = cwr_model_printf(
		model,
		"give the handshake%s a timeout, wait for input while it lasts, and close the %s "
		"when it fails.",
		cwr_words_at(model, last), cwr_words_socket(f));
}

const struct cwr_cause cwr_cause_tls_handshake_stalled = {
	.id = "tls-handshake-stalled",
	.verdict = CWR_STALL,
	.title = "TLS handshake never completed, never given up",
	.key = CWR_EV_LAST_USE,
	.decide = decide_stalled,
	.advise = advise_stalled,
};
