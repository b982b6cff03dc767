/* SPDX-License-Identifier: MIT */
/*
 * The end-of-file was not read because the thread that would read it is stuck: in sending on this
 * very socket, or somewhere else.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/index.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

static const struct cwr_thread *find_sender(const struct cwr_holder *holder)
{
	const struct cwr_process *process = holder->process;

	for (size_t i = 0; i < process->nthreads; i++) {
		const struct cwr_thread *thread = &process->threads[i];

		if (thread->fd == holder->fd && thread->is_still && cwr_waits_is_sending(thread))
			return thread;
	}
	return NULL;
}

/* A thread is in its call now, so an ending process is no exception here. */
static bool decide_send(struct cwr_case *c)
{
	if (cwr_fact_eof_reader(c->socket) || c->socket->send_q <= 0)
		return false;
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		if (!cwr_fact_counts(h) || !h->process->is_alive || !find_sender(h))
			continue;
		c->blamed = h;
		c->confidence = CWR_HIGH;
		return true;
	}
	return false;
}

static void advise_send(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_thread *thread = find_sender(f->blamed[0]);

	f->explanation = cwr_model_printf(model,
					  "The peer hung up and takes no more data: thread %d of "
					  "%s has been blocked in sending to "
					  "it for more than %.3g s, with %lld bytes unsent, and so "
					  "never sees the end-of-file.",
					  thread ? thread->tid : 0, cwr_words_blamed(model, f),
					  model->still_s, (long long)f->sockets[0]->send_q);
	f->advice = cwr_model_printf(model,
				     "give the %s created%s a timeout for sending (SO_SNDTIMEO, "
				     "TCP_USER_TIMEOUT) and close it when that has passed.",
				     cwr_words_socket(f),
				     cwr_words_at(model, &f->evidence[CWR_EV_CREATED]));
}

const struct cwr_cause cwr_cause_blocked_in_send = {
	.id = "blocked-in-send",
	.verdict = CWR_STALL,
	.title = "blocked in sending to a peer that went away",
	.key = CWR_EV_CREATED,
	.decide = decide_send,
	.advise = advise_send,
};

/*
 * The thread that will have to serve the socket and is stuck, or NULL.  It is the one that touched
 * it last.  If none did, each thread that served another socket of this site must be stuck; and
 * if no such is known, the one that created it.
 */
static const struct cwr_thread *find_stuck(const struct cwr_model *model,
					   const struct cwr_socket *socket,
					   const struct cwr_holder *holder)
{
	const struct cwr_process *process = holder->process;
	const struct cwr_thread *thread = cwr_waits_thread(process, holder->last_use.tid);
	struct cwr_servers servers = {.is_known = holder->last_use.tid, .thread = thread};

	if (!servers.is_known)
		servers = cwr_index_servers(model, socket, process);
	thread = servers.is_any_free ? NULL : servers.thread;
	if (!servers.is_known && socket->creator == process)
		thread = cwr_waits_thread(process, socket->created.tid);
	return cwr_waits_is_stuck(model, process, thread) ? thread : NULL;
}

static bool is_shared(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process != process && cwr_fact_counts(h))
			return true;
	return false;
}

/*
 * The thread that served a client last and now sleeps, or waits for a program that it started for
 * it, or NULL.  Only one that serves: the main thread may do so for ever while others work.  If the
 * socket is polled, the loop is what stands still; if the child has it too, it may be the child's.
 */
static const struct cwr_thread *find_held_up(const struct cwr_socket *socket,
					     const struct cwr_holder *holder)
{
	const struct cwr_process *process = holder->process;
	const struct cwr_thread *thread = cwr_waits_thread(process, holder->last_use.tid);
	struct cwr_waiting waiting = cwr_waits_of(socket, holder);

	if (socket->role == CWR_ROLE_CONNECTED || !cwr_waits_is_held_up(process, thread))
		return NULL;
	if (waiting.wants_input && !waiting.is_edge_triggered)
		return NULL;
	return thread->call == CWR_CALL_CHILD && is_shared(socket, process) ? NULL : thread;
}

static const struct cwr_thread *find_owner(const struct cwr_model *model,
					   const struct cwr_socket *socket,
					   const struct cwr_holder *holder)
{
	const struct cwr_thread *stuck = find_stuck(model, socket, holder);

	return stuck ? stuck : find_held_up(socket, holder);
}

/* Another thread is waiting for this socket, and would be woken. */
static bool is_served_by_another(const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	return cwr_waits_of(socket, holder).is_level_awaited ||
	       cwr_waits_in_call(holder->process, holder->fd);
}

static bool decide_owner(struct cwr_case *c)
{
	if (cwr_fact_eof_reader(c->socket))
		return false;
	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		if (!cwr_fact_counts(h) || !cwr_waits_are_known(h->process) ||
		    h->process->is_exiting || is_served_by_another(c->socket, h) ||
		    !find_owner(c->model, c->socket, h))
			continue;
		c->blamed = h;
		c->confidence = h->last_use.tid && find_stuck(c->model, c->socket, h) ? CWR_HIGH
										      : CWR_MEDIUM;
		return true;
	}
	return false;
}

static void advise_owner(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_thread *thread = find_owner(model, f->sockets[0], f->blamed[0]);

	f->explanation =
		cwr_model_printf(model,
				 "The peer hung up, but thread %d of %s, which would have to read "
				 "that, %s: it has not "
				 "moved for more than %.3g s.",
				 thread ? thread->tid : 0, cwr_words_blamed(model, f),
				 thread ? cwr_waits_words(thread) : "is stuck", model->still_s);
	f->advice = "find out what that thread waits for (gdb -p, then `thread apply all bt`) and "
		    "bound it by a timeout.";
}

const struct cwr_cause cwr_cause_owner_stuck = {
	.id = "owner-stuck",
	.verdict = CWR_STALL,
	.title = "its thread is stuck elsewhere",
	.key = CWR_EV_CREATED,
	.decide = decide_owner,
	.advise = advise_owner,
};
