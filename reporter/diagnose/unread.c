/* SPDX-License-Identifier: MIT */
/*
 * The undecided: the peer has closed, a descriptor is open, and no fact says why.  The two causes
 * here hold for whatever is left over and give the facts instead of a guess: also what the thread
 * that used the socket last does now, which is often where to look.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

#include <inttypes.h>

static void blame_server(struct cwr_case *c)
{
	c->blamed = cwr_fact_server(c->socket);
	c->evidence[CWR_EV_EOF] = c->blamed->eof;
	c->evidence[CWR_EV_LAST_USE] = c->blamed->last_use;
	c->evidence[CWR_EV_UNPOLLED] = c->blamed->unpolled;
	if (c->blamed->via == CWR_VIA_FORK)
		c->evidence[CWR_EV_FORKED] = c->blamed->via_mark;
	if (c->blamed->via == CWR_VIA_EXEC)
		c->evidence[CWR_EV_EXECUTED] = c->blamed->via_mark;
}

static bool decide_elsewhere(struct cwr_case *c)
{
	if (c->socket->created.t)
		return false;
	blame_server(c);
	c->confidence = CWR_LOW;
	return true;
}

/*
 * It was sent to another process, or one without the library has it, or the creator has forked one
 * since that executed a program.
 */
static bool may_be_read_unseen(const struct cwr_socket *socket)
{
	const struct cwr_process *creator = socket->creator;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (!h->process->has_shim || h->passed.t)
			return true;
	for (size_t i = 0; creator && i < creator->nforks; i++)
		if (creator->forks[i].executed.t && creator->forks[i].mark.t >= socket->created.t)
			return true;
	return false;
}

/* What lies in the receive queue, as a sentence. */
static const char *queue_words(struct cwr_model *model, const struct cwr_socket *socket)
{
	if (socket->recv_q > 1)
		return cwr_model_printf(model,
					"Its end-of-file waits unread behind %" PRId64
					" bytes that were not read either.",
					socket->recv_q - 1);
	if (socket->recv_q == 1)
		return "Its end-of-file waits unread.";
	if (socket->recv_q == 0 && may_be_read_unseen(socket))
		return "All was read, but no call that was seen returned 0: another process may "
		       "have read the end-of-file, or a read took the last data and the "
		       "end-of-file together.";
	if (socket->recv_q == 0)
		return "All was read, but no call that was seen returned 0: a read took the last "
		       "data and the end-of-file together, so the program may not know, or one "
		       "that is not seen took it, such as a stream's.";
	return "Whether its end-of-file was read is not known.";
}

static void advise_elsewhere(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(
		model,
		"The peer hung up. %s The socket was created outside the shim's view: before it "
		"was "
		"loaded, by a direct system call or io_uring, or by a program that handed it on.",
		queue_words(model, f->sockets[0]));
	f->advice = cwr_model_printf(
		model,
		"find what descriptor %d of pid %d is for, and close it when its peer has closed.",
		f->blamed[0]->fd, f->process->pid);
}

const struct cwr_cause cwr_cause_opened_elsewhere = {
	.id = "opened-elsewhere",
	.verdict = CWR_LEAK,
	.title = "created outside the shim's view, not closed",
	.key = CWR_EV_CREATED,
	.is_fallback = true,
	.decide = decide_elsewhere,
	.advise = advise_elsewhere,
};

static bool decide_unread(struct cwr_case *c)
{
	blame_server(c);
	c->confidence = c->socket->recv_q > 0 ? CWR_MEDIUM : CWR_LOW;
	return true;
}

/* The threads are those of before, in a process that is about to end, so none has ended there. */
static bool has_ended(const struct cwr_process *process, pid_t tid)
{
	return process->is_alive && process->nthreads && !cwr_waits_thread(process, tid);
}

/* ", which now polls": what became of that thread, or "". */
static const char *user_now(const struct cwr_holder *holder)
{
	const struct cwr_thread *user = cwr_waits_thread(holder->process, holder->last_use.tid);

	if (has_ended(holder->process, holder->last_use.tid))
		return ", which has ended";
	if (holder->process->is_exiting)
		return ""; /* who ends waits for this report */
	return user && user->fd != holder->fd ? cwr_waits_now(user) : "";
}

/* Who used it last, as a sentence, or "". */
static const char *user_words(struct cwr_model *model, const struct cwr_holder *holder)
{
	const struct cwr_mark *use = &holder->last_use;

	if (!use->tid || !use->op)
		return "";
	return cwr_model_printf(model, " The last call on it was %s, by thread %d%s.",
				cwr_words_call(model, use, ""), use->tid, user_now(holder));
}

static void advise_unread(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_holder *holder = f->blamed[0];
	const char *created = cwr_words_at(model, &f->evidence[CWR_EV_CREATED]);

	f->explanation = cwr_model_printf(
		model,
		"The peer hung up. %s %s %s the descriptor; why it is not served is not known.%s",
		queue_words(model, f->sockets[0]), cwr_words_blamed(model, f), cwr_words_holds(f),
		user_words(model, holder));
	if (holder->last_use.tid && has_ended(holder->process, holder->last_use.tid))
		f->advice = cwr_model_printf(
			model,
			"close the %s created%s before the thread that serves it ends, on an early "
			"return and on an exception too.",
			cwr_words_socket(f), created);
	else
		f->advice = cwr_model_printf(model,
					     "read the %s created%s until a read returns 0, or set "
					     "a timeout, and then close it.",
					     cwr_words_socket(f), created);
}

const struct cwr_cause cwr_cause_unread_not_closed = {
	.id = "unread-not-closed",
	.verdict = CWR_LEAK,
	.title = "end-of-file not read, socket not closed",
	.key = CWR_EV_CREATED,
	.is_fallback = true,
	.decide = decide_unread,
	.advise = advise_unread,
};
