/* SPDX-License-Identifier: MIT */
/*
 * The end-of-file was not read, and the poll sets of the process tell why.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/index.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

/* What is asked of the first descriptor that is in question. */
typedef bool wait_rule(struct cwr_case *c, const struct cwr_holder *holder,
		       const struct cwr_waiting *waiting);

static bool decide_by(struct cwr_case *c, wait_rule *holds)
{
	if (cwr_fact_eof_reader(c->socket))
		return false;
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		struct cwr_waiting waiting;

		if (!cwr_fact_counts(h) || !cwr_waits_are_known(h->process))
			continue;
		waiting = cwr_waits_of(c->socket, h);
		if (!holds(c, h, &waiting))
			continue;
		c->blamed = h;
		c->evidence[CWR_EV_LAST_USE] = h->last_use;
		c->evidence[CWR_EV_UNPOLLED] = h->unpolled;
		return true;
	}
	return false;
}

/* --- loop-stopped -------------------------------------------------------------------------------
 */

/* Before a server ends it may stop reading and take all out, unless its end came as a surprise. */
static bool is_winding_up(const struct cwr_process *process)
{
	return process->is_exiting && !process->is_sudden;
}

/* Has it been away from polling for all the time between two looks? */
static bool polls_no_more(const struct cwr_thread *thread)
{
	return thread->known && !cwr_waits_is_polling(thread) &&
	       (thread->is_still || thread->is_computing);
}

static bool is_set(const struct cwr_process *process, int fd)
{
	for (size_t i = 0; i < process->nwatches; i++)
		if (process->watches[i].epfd == fd)
			return true;
	return false;
}

static bool is_waiting_for(const struct cwr_thread *thread, const struct cwr_watch *watch)
{
	if (watch->epfd < 0)
		return watch->tid == thread->tid;
	return thread->call == CWR_CALL_EPOLL && thread->args[0] == (uint64_t)watch->epfd;
}

/* Does it poll, and nothing that could tell of another set? */
static bool polls_elsewhere(const struct cwr_process *process, const struct cwr_thread *thread)
{
	if (!cwr_waits_is_polling(thread))
		return false;
	for (size_t i = 0; i < process->nwatches; i++)
		if (is_waiting_for(thread, &process->watches[i]) &&
		    is_set(process, process->watches[i].fd))
			return false;
	return true;
}

/*
 * The thread that used the socket has left its loop; what others poll is another matter, such as
 * the timers of a runtime.
 */
static bool has_user_stopped(const struct cwr_process *process, const struct cwr_holder *holder)
{
	const struct cwr_thread *user = cwr_waits_thread(process, holder->last_use.tid);

	if (!user || !polls_no_more(user))
		return false;
	for (size_t i = 0; i < process->nthreads; i++)
		if (!polls_no_more(&process->threads[i]) &&
		    !polls_elsewhere(process, &process->threads[i]))
			return false;
	return true;
}

static bool has_everybody_stopped(const struct cwr_process *process)
{
	for (size_t i = 0; i < process->nthreads; i++)
		if (!polls_no_more(&process->threads[i]))
			return false;
	return true;
}

/* Had anybody polled, a level-triggered socket would have been told of, even if its end-of-file was
 * taken together with the last data. */
static bool is_stopped(struct cwr_case *c, const struct cwr_holder *holder,
		       const struct cwr_waiting *waiting)
{
	const struct cwr_process *process = holder->process;

	if (process->is_exiting || !waiting->wants_input || waiting->is_edge_triggered ||
	    waiting->is_disarmed || waiting->is_awaited || c->socket->recv_q < 0 ||
	    c->model->still_s <= 0)
		return false;
	c->confidence = CWR_MEDIUM;
	return has_everybody_stopped(process) || has_user_stopped(process, holder);
}

static bool decide_stopped(struct cwr_case *c)
{
	return decide_by(c, is_stopped);
}

static void advise_stopped(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(model,
					  "The peer hung up and the socket is registered for that, "
					  "but no thread of %s polls it: the "
					  "event loop has stopped, or is busy with something else.",
					  cwr_words_blamed(model, f));
	f->advice =
		"look at what the loop's thread does (gdb -p, then `thread apply all bt`): long or "
		"blocking work does not belong into an event handler.";
}

const struct cwr_cause cwr_cause_loop_stopped = {
	.id = "loop-stopped",
	.verdict = CWR_STALL,
	.title = "the event loop polls no more",
	.key = CWR_EV_CREATED,
	.decide = decide_stopped,
	.advise = advise_stopped,
};

/* --- reading-paused ------------------------------------------------------------------------------
 */

/* The library's function that took it out of its set in order to pause reading, or NULL. */
static const char *pause_call(const struct cwr_holder *holder)
{
	return holder->unpolled.stack ? holder->unpolled.stack->pause_call : NULL;
}

static bool is_paused(struct cwr_case *c, const struct cwr_holder *holder,
		      const struct cwr_waiting *waiting)
{
	c->confidence = is_winding_up(holder->process) || !waiting->sets ? CWR_MEDIUM : CWR_HIGH;
	if (!waiting->sets)
		return pause_call(holder) && !cwr_waits_in_call(holder->process, holder->fd);
	return !waiting->wants_input && !waiting->is_disarmed;
}

static bool decide_paused(struct cwr_case *c)
{
	return decide_by(c, is_paused);
}

static void advise_paused(struct cwr_model *model, struct cwr_finding *f)
{
	const char *call = pause_call(f->blamed[0]);

	f->explanation = cwr_model_printf(
		model,
		"The peer hung up, but %s does not want to know: the socket is %s (reading is "
		"paused, by back-pressure or a limit).",
		cwr_words_blamed(model, f),
		call ? cwr_model_printf(model, "in no poll set since %s() took it out", call)
		     : "in its poll set without input events");
	f->advice =
		"while reading is paused, ask for EPOLLRDHUP or set a timeout, so that a peer that "
		"goes away is noticed.";
}

const struct cwr_cause cwr_cause_reading_paused = {
	.id = "reading-paused",
	.verdict = CWR_STALL,
	.title = "reading is paused, the peer's end is not seen",
	.key = CWR_EV_CREATED,
	.decide = decide_paused,
	.advise = advise_paused,
};

/* --- not-polled ----------------------------------------------------------------------------------
 */

/* Was it taken out of its set, and is it then still in the hands of the thread that did so? */
static bool was_taken_out(const struct cwr_holder *holder)
{
	const struct cwr_stack *stack = holder->unpolled.stack;

	/* Who does not see the whole stack cannot tell it from a pause. */
	return holder->unpolled.t && stack && stack->is_whole &&
	       (!holder->last_use.tid || holder->last_use.tid == holder->unpolled.tid);
}

/*
 * Never put into a set that epoll_ctl() tells of, or one of poll() and its like.  A socket that
 * another thread serves, by blocking on it or on what it needs for it, never was the loop's.
 */
static bool was_left_by_loop(const struct cwr_case *c, const struct cwr_holder *holder)
{
	const pid_t user = holder->last_use.tid;

	return !holder->unpolled.t && c->socket->created.t && user &&
	       cwr_index_has_polled_sibling(c->model, c->socket, holder->process, user);
}

static bool is_not_polled(struct cwr_case *c, const struct cwr_holder *holder,
			  const struct cwr_waiting *waiting)
{
	const struct cwr_process *process = holder->process;

	c->confidence = CWR_MEDIUM;
	if (waiting->sets || cwr_waits_in_call(process, holder->fd))
		return false;
	if (was_taken_out(holder) && !is_winding_up(process))
		return true;
	if (was_taken_out(holder))
		return cwr_index_has_polled_sibling(c->model, c->socket, process, 0);
	return was_left_by_loop(c, holder);
}

static bool decide_not_polled(struct cwr_case *c)
{
	return decide_by(c, is_not_polled);
}

static void advise_not_polled(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *out = &f->evidence[CWR_EV_UNPOLLED];

	f->explanation = cwr_model_printf(
		model,
		"The peer hung up, but %s does not poll this connection any more: it was taken out "
		"of the event loop and not closed. (Reading that is paused by taking the socket "
		"out looks the same.)",
		cwr_words_blamed(model, f));
	f->advice = cwr_model_printf(
		model, "close the %s created%s where it is taken out of the event loop%s.",
		cwr_words_socket(f), cwr_words_at(model, &f->evidence[CWR_EV_CREATED]),
		cwr_words_at(model, out));
}

const struct cwr_cause cwr_cause_not_polled = {
	.id = "not-polled",
	.verdict = CWR_LEAK,
	.title = "taken out of the event loop, not closed",
	.key = CWR_EV_UNPOLLED,
	.decide = decide_not_polled,
	.advise = advise_not_polled,
};

/* --- event-ignored -------------------------------------------------------------------------------
 */

static bool is_anybody_busy(const struct cwr_process *process)
{
	for (size_t i = 0; i < process->nthreads; i++)
		if (!process->threads[i].is_still)
			return true;
	return false;
}

/*
 * The loop waits, so it has been told and sees no more to do.  An end-of-file that is not the last
 * thing in the queue was not even reached.  One that the last read took together with the data was
 * in the same event: had it come later, there would have been another.
 */
static bool is_ignored(struct cwr_case *c, const struct cwr_holder *holder,
		       const struct cwr_waiting *waiting)
{
	bool is_swallowed = c->socket->eof == CWR_EOF_SWALLOWED;

	if ((c->socket->recv_q < 1 && !is_swallowed) || !waiting->is_awaited ||
	    waiting->is_level_awaited || (!waiting->is_edge_triggered && !waiting->is_disarmed))
		return false;
	c->confidence = is_swallowed || is_anybody_busy(holder->process) ? CWR_MEDIUM : CWR_HIGH;
	return true;
}

static bool decide_ignored(struct cwr_case *c)
{
	return decide_by(c, is_ignored);
}

static void advise_ignored(struct cwr_model *model, struct cwr_finding *f)
{
	bool is_disarmed = cwr_waits_of(f->sockets[0], f->blamed[0]).is_disarmed;

	f->explanation = cwr_model_printf(
		model,
		"The peer hung up and the event loop of %s was told so, but it did not read up to "
		"the "
		"end-of-file, and %s: it waits in vain.",
		cwr_words_blamed(model, f),
		is_disarmed ? "a one-shot registration that was not renewed tells nothing more"
			    : "an edge-triggered registration does not tell it again");
	f->advice = is_disarmed ? "renew the registration with EPOLL_CTL_MOD after each event, or "
				  "close the socket."
				: "after each event read until read() says EAGAIN or 0.";
}

const struct cwr_cause cwr_cause_event_ignored = {
	.id = "event-ignored",
	.verdict = CWR_LEAK,
	.title = "the event came and was not followed to the end-of-file",
	.key = CWR_EV_CREATED,
	.decide = decide_ignored,
	.advise = advise_ignored,
};
