/* SPDX-License-Identifier: MIT */
/*
 * Copies that the program made on purpose and then forgot: a socket passed to another process whose
 * sender kept its own descriptor, and a duplicate under a second number in one process.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/lineage.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

#include <string.h>

/* Of the kernel's coarse clock and of its times of sockets, with a margin. */
#define TICK_NS 1e7

/*
 * A sender notes the time when sendmsg() has returned, and on a busy machine the receiver may be
 * done with the socket by then.
 */
#define RETURN_NS 1e9

/* Did it receive the socket after that was sent, be it by somebody in between? */
static bool is_receiver(const struct cwr_holder *holder, const struct cwr_holder *sender,
			const struct cwr_mark *passed)
{
	return holder->via == CWR_VIA_PASSED && holder->process != sender->process &&
	       (!passed || !holder->via_mark.t ||
		(double)holder->via_mark.t + RETURN_NS >= (double)passed->t);
}

/* Of one without the library nobody knows what it was sent. */
static bool may_be_receiver(const struct cwr_holder *holder, const struct cwr_holder *sender)
{
	return holder->process != sender->process && !holder->process->has_shim;
}

/* A receiver that is done with the socket, or NULL. */
static const struct cwr_holder *find_finished_receiver(const struct cwr_holder *sender,
						       const struct cwr_mark *passed)
{
	for (const struct cwr_holder *h = sender->socket->holders; h; h = h->next)
		if (is_receiver(h, sender, passed) && (h->closed.t || !cwr_fact_counts(h)))
			return h;
	return NULL;
}

static bool is_served_by_receiver(const struct cwr_holder *sender, const struct cwr_mark *passed)
{
	for (const struct cwr_holder *h = sender->socket->holders; h; h = h->next)
		if (cwr_fact_counts(h) &&
		    (is_receiver(h, sender, passed) || may_be_receiver(h, sender)))
			return true;
	return false;
}

/* The last sendmsg() of the socket by that holder's process, from whichever of its numbers; NULL:
 * none was seen. */
static const struct cwr_mark *find_passing(const struct cwr_holder *holder)
{
	const struct cwr_mark *last = NULL;

	for (const struct cwr_holder *h = holder->socket->holders; h; h = h->next)
		if (h->process == holder->process && h->passed.t &&
		    (!last || h->passed.t > last->t))
			last = &h->passed;
	return last;
}

static void tell_passing(struct cwr_case *c, struct cwr_holder *sender,
			 const struct cwr_mark *passed, const struct cwr_holder *receiver)
{
	bool is_consumed = c->socket->recv_q == 0 || (receiver && receiver->eof.t);

	c->blamed = sender;
	c->evidence[CWR_EV_PASSED] = *passed;
	c->confidence = is_consumed ? CWR_HIGH : CWR_MEDIUM;
	if (!receiver)
		return; /* it left no trace but that it has none open */
	c->child = receiver->process->pid;
	c->evidence[CWR_EV_EOF] = receiver->eof;
	c->evidence[CWR_EV_CLOSED_ELSEWHERE] = receiver->closed;
}

/* What was sent away and came back is no copy that was kept. */
static bool is_kept(const struct cwr_holder *sender, const struct cwr_mark *passed)
{
	return passed == &sender->passed || sender->via != CWR_VIA_PASSED ||
	       sender->via_mark.t < passed->t;
}

/*
 * Did the process receive it again, under another number?  No allowance is made for the clock: what
 * it was sent right before it passed it on did not come back.
 */
static bool came_back(const struct cwr_holder *sender, const struct cwr_mark *passed)
{
	for (const struct cwr_holder *h = sender->socket->holders; h; h = h->next)
		if (h->process == sender->process && h->via == CWR_VIA_PASSED &&
		    h->via_mark.t >= passed->t)
			return true;
	return false;
}

/* When a call before the end-of-file came is not known, but which was the last. */
static bool has_used_since(const struct cwr_holder *sender, const struct cwr_mark *passed)
{
	for (const struct cwr_holder *h = sender->socket->holders; h; h = h->next)
		if (h->process == sender->process && passed == &h->passed && h->last_use.op &&
		    passed->op && strcmp(h->last_use.op, passed->op) != 0)
			return true;
	return cwr_fact_process_touch(sender->socket, sender->process) >= passed->t;
}

/*
 * What a receiver forgets is the receiver's own cause, so none may have it open.  Who sends
 * something to itself has a number more, and passed it on to nobody.
 */
static bool decide_by_sender(struct cwr_case *c, struct cwr_holder *sender)
{
	const struct cwr_mark *passed = find_passing(sender);
	const struct cwr_holder *receiver = find_finished_receiver(sender, passed);

	if (!passed && receiver && sender->process == c->socket->creator)
		passed = &receiver->via_mark;
	if (!passed || is_served_by_receiver(sender, passed) || !is_kept(sender, passed) ||
	    (!receiver && came_back(sender, passed)) || has_used_since(sender, passed))
		return false;
	tell_passing(c, sender, passed, receiver);
	return true;
}

static bool was_passed(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->passed.t || h->via == CWR_VIA_PASSED)
			return true;
	return false;
}

/* Whoever made the socket comes first, then receivers that passed it on. */
static bool decide_passed(struct cwr_case *c)
{
	bool may_be = was_passed(c->socket);

	for (struct cwr_holder *h = c->socket->holders; may_be && h; h = h->next)
		if (cwr_fact_counts(h) && decide_by_sender(c, h))
			return true;
	return false;
}

static void advise_passed(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *passed = &f->evidence[CWR_EV_PASSED];
	const char *receiver =
		f->nchildren ? cwr_model_printf(model, "pid %d", f->children[0]) : "a process";
	const char *at = passed->pid == f->process->pid ? cwr_words_at(model, passed) : "";

	f->explanation = cwr_model_printf(
		model,
		"The socket was passed to %s, which is done with it; %s, which sent it, %s its own "
		"descriptor, so the kernel never sends FIN.",
		receiver, cwr_words_blamed(model, f), cwr_words_holds(f));
	f->advice = cwr_model_printf(model, "close the %s in the sender after sendmsg()%s.",
				     cwr_words_socket(f), at);
}

const struct cwr_cause cwr_cause_passed_copy_kept = {
	.id = "passed-copy-kept",
	.verdict = CWR_LEAK,
	.title = "sender kept the socket that it passed on",
	.key = CWR_EV_PASSED,
	.decide = decide_passed,
	.advise = advise_passed,
};

/* Times are as coarse as the kernel's tick; of two in one, the number that was read to its end. */
static bool is_closed_later(const struct cwr_holder *a, const struct cwr_holder *b)
{
	return a->closed.t > b->closed.t || (a->closed.t == b->closed.t && a->eof.t && !b->eof.t);
}

/* The number of that process which was closed last, or NULL. */
static const struct cwr_holder *find_closed_twin(const struct cwr_socket *socket,
						 const struct cwr_holder *kept)
{
	const struct cwr_holder *twin = NULL;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h != kept && h->process == kept->process && h->closed.t &&
		    (!twin || is_closed_later(h, twin)))
			twin = h;
	return twin;
}

/* Made by dup() in this process, or in the one that it was inherited from; NULL: not so. */
static const struct cwr_holder *find_dup(const struct cwr_holder *holder)
{
	if (holder->via == CWR_VIA_DUP)
		return holder;
	for (const struct cwr_holder *h = holder->socket->holders; h; h = h->next)
		if (h->via == CWR_VIA_DUP && h->fd == holder->fd && cwr_lineage_leads(h, holder))
			return h;
	return NULL;
}

/* Which of the two was made by dup(): a first number that is closed on purpose is no mistake. */
static const struct cwr_holder *which_was_dup(const struct cwr_holder *a,
					      const struct cwr_holder *b)
{
	const struct cwr_holder *dup = find_dup(a);

	return dup ? dup : find_dup(b);
}

/*
 * A stream reads out of sight.  If it was closed after the FIN had come, and the end-of-file has
 * been taken from the queue, it was the stream that took it.
 */
static bool stream_was_at_end(const struct cwr_case *c, const struct cwr_holder *kept,
			      const struct cwr_holder *closed)
{
	uint64_t until = cwr_fact_known_until(c->model, kept->process);
	double age = c->socket->fin_age_s;

	if (c->socket->state != CWR_TCP_CLOSE_WAIT || c->socket->recv_q != 0 || age < 0 ||
	    !closed->closed.op || strcmp(closed->closed.op, "fclose") != 0 ||
	    cwr_fact_last_touch(kept))
		return false;
	return (double)until - age * 1e9 <= (double)closed->closed.t + TICK_NS;
}

/*
 * dup2() and close() of the old number is how a program renumbers a descriptor, and the one that is
 * left is then the one in use.  So the close must have come after the end-of-file, when it was
 * meant to end the connection.
 */
static bool close_was_meant_to_end(const struct cwr_case *c, const struct cwr_holder *kept,
				   const struct cwr_holder *closed)
{
	uint64_t eof = 0;

	for (const struct cwr_holder *h = c->socket->holders; h; h = h->next)
		if (h->process == kept->process && h->eof.t)
			eof = h->eof.t;
	if (!eof)
		return stream_was_at_end(c, kept, closed);
	if (closed->closed.t == eof && !closed->eof.t)
		return false;
	return closed->closed.t >= eof && cwr_fact_last_touch(kept) <= closed->closed.t;
}

/* Nobody reads, writes or waits for anything under that number, nor has it ever been done. */
static bool is_untouched(const struct cwr_socket *socket, const struct cwr_holder *kept)
{
	return !kept->last_use.op && !cwr_fact_last_touch(kept) && !kept->saw_reset &&
	       !kept->unpolled.t && !kept->waited.t && !kept->passed.t &&
	       cwr_waits_are_known(kept->process) && !cwr_waits_of(socket, kept).sets &&
	       !cwr_waits_is_awaited_by(socket, kept, 0) &&
	       !cwr_waits_in_call(kept->process, kept->fd);
}

/*
 * Or the program itself was done with the connection: it had the duplicate already when it sent its
 * last, by the other number, and then closed that one.  Of a duplicate that was made after the last
 * data somebody may be about to make use.
 */
static bool was_served_by_twin(const struct cwr_case *c, const struct cwr_holder *kept,
			       const struct cwr_holder *closed)
{
	const struct cwr_socket *socket = c->socket;
	uint64_t until = cwr_fact_known_until(c->model, kept->process);
	double sent = (double)until - socket->sent_age_s * 1e9;

	if (cwr_fact_eof_reader(socket) || !socket->has_sent_age || !socket->has_tcp_bytes ||
	    !socket->bytes_received || !closed->last_use.op || kept->via != CWR_VIA_DUP ||
	    !is_untouched(socket, kept))
		return false;
	return sent > (double)kept->via_mark.t + TICK_NS &&
	       sent < (double)closed->closed.t + TICK_NS;
}

static bool decide_duplicate(struct cwr_case *c)
{
	bool is_after_end;

	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		const struct cwr_holder *closed, *dup;

		if (!cwr_fact_counts(h))
			continue;
		closed = find_closed_twin(c->socket, h);
		dup = closed ? which_was_dup(h, closed) : NULL;
		is_after_end = dup && close_was_meant_to_end(c, h, closed);
		if (!dup || (!is_after_end && !was_served_by_twin(c, h, closed)))
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_DUPLICATED] = dup->via_mark;
		c->evidence[CWR_EV_EOF] = closed->eof.t ? closed->eof : h->eof;
		c->evidence[CWR_EV_CLOSED_ELSEWHERE] = closed->closed;
		c->confidence = is_after_end ? CWR_HIGH : CWR_MEDIUM;
		return true;
	}
	return false;
}

static void advise_duplicate(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *dup = &f->evidence[CWR_EV_DUPLICATED];
	const struct cwr_mark *closed = &f->evidence[CWR_EV_CLOSED_ELSEWHERE];
	bool is_stream = closed->op && !strcmp(closed->op, "fclose");
	const char *after = f->evidence[CWR_EV_EOF].t || is_stream ? "end-of-file" : "the answer";

	f->explanation =
		cwr_model_printf(model,
				 "The socket had two numbers in %s: %d was closed after "
				 "%s, %d was not, and "
				 "the connection lasts as long as one is open.",
				 cwr_words_blamed(model, f), closed->fd, after, f->blamed[0]->fd);
	f->advice = cwr_model_printf(
		model, "close the descriptor made by %s%s too, where the other one is closed%s.",
		cwr_words_call(model, dup, "dup()"), cwr_words_at(model, dup),
		cwr_words_at(model, closed));
}

const struct cwr_cause cwr_cause_duplicate_kept = {
	.id = "duplicate-kept",
	.verdict = CWR_LEAK,
	.title = "a duplicate of the descriptor stayed open",
	.key = CWR_EV_DUPLICATED,
	.decide = decide_duplicate,
	.advise = advise_duplicate,
};
