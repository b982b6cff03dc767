/* SPDX-License-Identifier: MIT */
/*
 * The end-of-file was read, and nobody closed.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/words.h"

#include <string.h>

static const struct cwr_holder *find_own_reader(const struct cwr_socket *socket,
						const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && h->eof.t)
			return h;
	return NULL;
}

static void tell(struct cwr_case *c, struct cwr_holder *blamed, const struct cwr_holder *reader)
{
	c->blamed = blamed;
	c->evidence[CWR_EV_EOF] = reader->eof;
	if (reader != blamed)
		c->evidence[CWR_EV_CLOSED_ELSEWHERE] = reader->closed;
}

/* The kernel's word alone says that a call returned 0. */
static bool decide_unseen(struct cwr_case *c)
{
	if (c->socket->eof != CWR_EOF_READ)
		return false;
	c->blamed = cwr_fact_server(c->socket);
	c->evidence[CWR_EV_LAST_USE] = c->blamed->last_use;
	c->confidence = CWR_MEDIUM;
	return true;
}

/* Either the process that read it has it open, or the reader is gone and somebody else has. */
static bool decide(struct cwr_case *c)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(c->socket);
	const struct cwr_holder *own;

	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		own = cwr_fact_counts(h) ? find_own_reader(c->socket, h->process) : NULL;
		if (!own)
			continue;
		tell(c, h, h->eof.t ? h : own);
		c->confidence = c->socket->recv_q > 0 ? CWR_MEDIUM : CWR_HIGH;
		return true;
	}
	if (!reader)
		return decide_unseen(c);
	tell(c, cwr_fact_server(c->socket), reader);
	c->confidence = CWR_LOW;
	return true;
}

/* "recv() returned 0", or what the TLS library was asked to do when it did. */
static const char *told_by(struct cwr_model *model, const struct cwr_mark *eof)
{
	const char *call = cwr_words_call(model, eof, "a read");

	if (!eof->stack || !eof->stack->tls_call)
		return cwr_model_printf(model, "%s returned 0", call);
	return cwr_model_printf(model, "%s, which %s() of %s called, returned 0", call,
				eof->stack->tls_call,
				eof->stack->tls_library ? eof->stack->tls_library : "TLS");
}

/* "when recv() returns 0 at server.c:88" */
static const char *when_told(struct cwr_model *model, const struct cwr_mark *eof)
{
	const char *at = cwr_words_at(model, eof);

	if (!eof->stack || !eof->stack->tls_call)
		return cwr_model_printf(model, "when %s returns 0%s",
					cwr_words_call(model, eof, "the read"), at);
	return cwr_model_printf(model,
				"when %s()%s fails or tells of the end; freeing the TLS "
				"session does not close it",
				eof->stack->tls_call, at);
}

/* Streams read inside libc, where no preloaded library sees it. */
static bool has_stream(const struct cwr_holder *holder)
{
	return holder->via_mark.op && !strcmp(holder->via_mark.op, "fdopen");
}

static void advise_unseen(struct cwr_model *model, struct cwr_finding *f)
{
	const char *created = cwr_words_at(model, &f->evidence[CWR_EV_CREATED]);
	bool is_stream = has_stream(f->blamed[0]);

	f->explanation = cwr_model_printf(
		model,
		"The peer hung up and %s was told so: the end-of-file came after all else had been "
		"read and answered, and %s. %s %s the descriptor.",
		cwr_words_blamed(model, f),
		is_stream ? "the stream that fdopen() made of it took it"
			  : "was taken by a read that is not seen, as those of stdio and io_uring",
		cwr_words_blamed(model, f), cwr_words_holds(f));
	f->advice = is_stream
			    ? cwr_model_printf(model,
					       "call fclose() when reading from the stream ends; "
					       "its %s was created%s.",
					       cwr_words_socket(f), created)
			    : cwr_model_printf(model,
					       "close the %s created%s when reading from it ends.",
					       cwr_words_socket(f), created);
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *eof = &f->evidence[CWR_EV_EOF];
	const char *blamed = cwr_words_blamed(model, f);
	const char *who = eof->pid == f->process->pid || !eof->pid
				  ? blamed
				  : cwr_model_printf(model, "pid %d", eof->pid);

	if (!eof->t) {
		advise_unseen(model, f);
		return;
	}
	f->explanation = cwr_model_printf(
		model, "The peer hung up and %s was told so: %s. %s %s the descriptor%s.", who,
		told_by(model, eof), blamed, cwr_words_holds(f),
		f->process->is_alive && f->process->has_shim ? " and has done nothing with it since"
							     : "");
	f->advice = cwr_model_printf(model, "close the %s %s.", cwr_words_socket(f),
				     when_told(model, eof));
}

/* It closed, but not this one: the number was lost, stale, or another one from the start. */
static bool decide_wrong(struct cwr_case *c)
{
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		if (!cwr_fact_counts(h) || !h->eof.t || h->wrong_close.t < h->eof.t ||
		    h->wrong_close.tid != h->eof.tid)
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_EOF] = h->eof;
		c->evidence[CWR_EV_CLOSED_ELSEWHERE] = h->wrong_close;
		c->confidence = CWR_MEDIUM;
		return true;
	}
	return false;
}

static void advise_wrong(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *closed = &f->evidence[CWR_EV_CLOSED_ELSEWHERE];

	f->explanation = cwr_model_printf(
		model,
		"The thread of %s that read the end-of-file of descriptor %d then closed "
		"descriptor "
		"%d instead, which %s.",
		cwr_words_blamed(model, f), f->blamed[0]->fd, closed->fd,
		closed->result ? "was not open (EBADF)"
			       : "was a connection that had not ended, and which somebody then "
				 "tried to use");
	f->advice = cwr_model_printf(
		model, "find out why %s%s gets another number than the %s had%s.",
		cwr_words_call(model, closed, "close()"), cwr_words_at(model, closed),
		cwr_words_socket(f), closed->result ? ", and check what it returns" : "");
}

const struct cwr_cause cwr_cause_wrong_close = {
	.id = "wrong-close",
	.verdict = CWR_LEAK,
	.title = "another number was closed instead",
	.key = CWR_EV_CLOSED_ELSEWHERE,
	.decide = decide_wrong,
	.advise = advise_wrong,
};

const struct cwr_cause cwr_cause_eof_read_not_closed = {
	.id = "eof-read-not-closed",
	.verdict = CWR_LEAK,
	.title = "end-of-file read, socket not closed",
	.key = CWR_EV_EOF,
	.is_fallback = true,
	.decide = decide,
	.advise = advise,
};
