/* SPDX-License-Identifier: MIT */
/*
 * Connections that the program made itself, as a client: replaced by a new one, abandoned after one
 * exchange, or waiting in a pool for their next use.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

#include <string.h>

/* The kernel's clock of data counts in ticks, ours as well. */
#define TICK_S 0.02

enum { A_FEW = 3 };

static bool is_same_peer(const struct cwr_addr *a, const struct cwr_addr *b)
{
	return a->family && a->family == b->family && a->port == b->port &&
	       !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* Another connection of the same connect() to the same peer? */
static bool is_sister(const struct cwr_socket *a, const struct cwr_socket *b)
{
	return a != b && b->role == CWR_ROLE_CONNECTED && cwr_fact_same_site(a, b) &&
	       is_same_peer(&a->peer, &b->peer);
}

static struct cwr_holder *client_of(const struct cwr_case *c)
{
	const struct cwr_socket *socket = c->socket;

	if (socket->role != CWR_ROLE_CONNECTED || !socket->creator || !socket->created.t)
		return NULL;
	return cwr_fact_open_in(socket, socket->creator);
}

/* --- replaced-by-reconnect -----------------------------------------------------------------------
 */

static const struct cwr_socket *find_successor(const struct cwr_case *c,
					       const struct cwr_holder *client)
{
	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next)
		if (is_sister(c->socket, s) && s->created.t >= client->eof.t &&
		    s->created.t > c->socket->created.t && s->created.tid == client->eof.tid)
			return s;
	return NULL;
}

static bool decide_replaced(struct cwr_case *c)
{
	struct cwr_holder *client = client_of(c);

	if (!client || !client->eof.t || !find_successor(c, client))
		return false;
	c->blamed = client;
	c->evidence[CWR_EV_EOF] = client->eof;
	c->confidence = CWR_MEDIUM;
	return true;
}

static void advise_replaced(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(model,
					  "The peer hung up and %s was told so; it then connected "
					  "to the same peer again, from the "
					  "same place, and %s the old descriptor.",
					  cwr_words_blamed(model, f), cwr_words_holds(f));
	f->advice = cwr_model_printf(model,
				     "close the old socket when %s returns 0%s, before the "
				     "connection is made anew%s.",
				     cwr_words_call(model, &f->evidence[CWR_EV_EOF], "a read"),
				     cwr_words_at(model, &f->evidence[CWR_EV_EOF]),
				     cwr_words_at(model, &f->evidence[CWR_EV_CREATED]));
}

const struct cwr_cause cwr_cause_replaced_by_reconnect = {
	.id = "replaced-by-reconnect",
	.verdict = CWR_LEAK,
	.title = "connected again, the old socket was not closed",
	.key = CWR_EV_EOF,
	.decide = decide_replaced,
	.advise = advise_replaced,
};

/* --- abandoned-client ----------------------------------------------------------------------------
 */

static double seconds_ago(const struct cwr_model *model, uint64_t t)
{
	return t < model->now ? (double)(model->now - t) / 1e9 : 0;
}

/*
 * A thread may keep a connection of its own to the same peer: another thread's new one passes over
 * none.  Who has ended keeps nothing.
 */
static bool is_of_same_user(const struct cwr_socket *a, const struct cwr_socket *b)
{
	const struct cwr_process *process = a->creator;

	return a->created.tid == b->created.tid || !process->nthreads ||
	       !cwr_waits_thread(process, a->created.tid);
}

/*
 * Nothing that this place made was ever closed, though it made some.  A pool closes those that it
 * finds dead when it needs one, though it may leave others for later.
 */
static bool is_never_closed(const struct cwr_socket *socket)
{
	return socket->site.known && !socket->site.closed && socket->site.created >= A_FEW;
}

/*
 * Was `older` idle for good when `newer` was connected?  And was its peer still there, so that it
 * could have been used again, or is it clear that it was not kept for that?
 */
static bool was_passed_over(const struct cwr_model *model, const struct cwr_socket *older,
			    const struct cwr_socket *newer)
{
	double made_s = seconds_ago(model, newer->created.t);

	if (older->created.t > newer->created.t || older->idle_s < 0 || older->fin_age_s < 0 ||
	    !is_of_same_user(older, newer))
		return false;
	return older->idle_s > made_s + TICK_S &&
	       (made_s > older->fin_age_s + TICK_S || is_never_closed(older));
}

static bool is_sister_passed_over(const struct cwr_case *c, const struct cwr_holder *client,
				  const struct cwr_socket *sister)
{
	if (!is_sister(c->socket, sister) || !cwr_fact_open_in(sister, client->process) ||
	    !sister->peer_has_closed || cwr_fact_eof_reader(sister))
		return false;
	return was_passed_over(c->model, c->socket, sister) ||
	       was_passed_over(c->model, sister, c->socket);
}

static bool decide_abandoned(struct cwr_case *c)
{
	struct cwr_holder *client = client_of(c);

	if (!client || c->socket->recv_q < 0 || cwr_fact_eof_reader(c->socket))
		return false;
	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next) {
		if (!is_sister_passed_over(c, client, s))
			continue;
		c->blamed = client;
		c->confidence = CWR_MEDIUM;
		return true;
	}
	return false;
}

static void advise_abandoned(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(model,
					  "%s connected again to the same peer though older "
					  "connections from the same place were "
					  "idle: each is used once and then forgotten, and the "
					  "peer has closed them.",
					  cwr_words_blamed(model, f));
	f->advice =
		cwr_model_printf(model,
				 "close the socket connected%s when its answer has been read, or "
				 "use it again.",
				 cwr_words_at(model, &f->evidence[CWR_EV_CREATED]));
}

const struct cwr_cause cwr_cause_abandoned_client = {
	.id = "abandoned-client",
	.verdict = CWR_LEAK,
	.title = "used for one exchange and forgotten",
	.key = CWR_EV_CREATED,
	.decide = decide_abandoned,
	.advise = advise_abandoned,
};

/* --- idle-pooled-client --------------------------------------------------------------------------
 */

/* What a peer that gives up an idle connection leaves: its FIN, alone or after a TLS alert. */
static bool is_quiet_end(int64_t recv_q)
{
	return recv_q == 1 || recv_q == 25 || recv_q == 32;
}

/* A pool with more than one shows nothing of which will be used again. */
static bool has_other_to_peer(const struct cwr_case *c, const struct cwr_process *process)
{
	for (const struct cwr_socket *s = c->model->sockets; s; s = s->next)
		if (s != c->socket && s->role == CWR_ROLE_CONNECTED &&
		    is_same_peer(&s->peer, &c->socket->peer) && cwr_fact_open_in(s, process))
			return true;
	return false;
}

static bool decide_pooled(struct cwr_case *c)
{
	const struct cwr_socket *socket = c->socket;
	struct cwr_holder *client = client_of(c);

	if (!client || !client->process->is_alive || cwr_fact_eof_reader(socket) ||
	    !is_quiet_end(socket->recv_q) || !socket->has_tcp_bytes || !socket->bytes_sent ||
	    socket->bytes_received < (uint64_t)socket->recv_q || socket->idle_s < 0 ||
	    socket->idle_s + TICK_S < socket->fin_age_s || has_other_to_peer(c, client->process))
		return false;
	c->blamed = client;
	c->confidence = CWR_MEDIUM;
	return true;
}

static void advise_pooled(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation =
		cwr_model_printf(model,
				 "The only connection of %s from this place to that server is "
				 "idle, and the server has "
				 "given it up: a pool that keeps it will notice at its next use.",
				 cwr_words_blamed(model, f));
	f->advice = "none, if it is a pool's; a limit on idle time shorter than the server's "
		    "avoids it.";
}

const struct cwr_cause cwr_cause_idle_pooled_client = {
	.id = "idle-pooled-client",
	.verdict = CWR_IDLE,
	.title = "idle in a pool, given up by the server",
	.key = CWR_EV_CREATED,
	.decide = decide_pooled,
	.advise = advise_pooled,
};
