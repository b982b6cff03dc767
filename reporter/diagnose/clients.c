/* SPDX-License-Identifier: MIT */
/*
 * Connections that the program made itself, as a client: replaced by a new one, abandoned after one
 * exchange, or waiting in a pool for their next use.
 */
#include "diagnose/clients.h"

#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/index.h"
#include "diagnose/words.h"
#include "model/calls.h"

/* The kernel's clock of data counts in ticks, ours as well. */
#define TICK_S 0.02

static struct cwr_holder *client_of(const struct cwr_case *c)
{
	const struct cwr_socket *socket = c->socket;

	if (socket->role != CWR_ROLE_CONNECTED || !socket->creator || !socket->created.t)
		return NULL;
	return cwr_fact_open_in(socket, socket->creator);
}

/* --- replaced-by-reconnect -----------------------------------------------------------------------
 */

static bool decide_replaced(struct cwr_case *c)
{
	struct cwr_holder *client = client_of(c);

	if (!client || !client->eof.t ||
	    !cwr_index_was_replaced(c->model, c->socket, client->eof.tid, client->eof.t))
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

static bool decide_abandoned(struct cwr_case *c)
{
	struct cwr_holder *client = client_of(c);

	if (!client || c->socket->recv_q < 0 || cwr_fact_eof_reader(c->socket) ||
	    !cwr_index_was_passed_over(c->model, c->socket))
		return false;
	c->blamed = client;
	c->confidence = CWR_MEDIUM;
	return true;
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

/*
 * The program keeps it for another use: it has used such connections again, or this is the only
 * one to that peer.
 */
static bool is_kept(const struct cwr_case *c, const struct cwr_holder *client)
{
	return cwr_index_is_pool(c->model, c->socket) ||
	       !cwr_index_has_other_to_peer(c->model, c->socket, client->process);
}

/* By its FIN, after which nothing was done with the connection. */
static bool was_given_up(const struct cwr_socket *socket)
{
	return (is_quiet_end(socket->recv_q) || socket->has_goodbye) &&
	       socket->bytes_received >= (uint64_t)socket->recv_q &&
	       socket->idle_s + TICK_S >= socket->fin_age_s;
}

/* By a reset, of which no call has told yet; what it had asked for it had read. */
static bool was_reset_at_rest(const struct cwr_socket *socket, const struct cwr_holder *client)
{
	const char *op = client->last_use.op;

	return socket->state == CWR_TCP_CLOSE && socket->bytes_received && !client->saw_reset &&
	       !client->shutdown.t && op && !cwr_call_sends(op);
}

bool cwr_clients_is_pooled(const struct cwr_case *c)
{
	const struct cwr_socket *socket = c->socket;
	const struct cwr_holder *client = client_of(c);

	return client && (client->process->is_alive || client->process->t_looked_at) &&
	       !cwr_fact_eof_reader(socket) && socket->has_tcp_bytes && socket->bytes_sent &&
	       socket->idle_s >= 0 && (was_given_up(socket) || was_reset_at_rest(socket, client)) &&
	       is_kept(c, client);
}

static bool decide_pooled(struct cwr_case *c)
{
	if (!cwr_clients_is_pooled(c))
		return false;
	c->blamed = client_of(c);
	c->confidence = CWR_MEDIUM;
	return true;
}

static void advise_pooled(struct cwr_model *model, struct cwr_finding *f)
{
	bool is_one = f->nsockets == 1;

	f->explanation = cwr_model_printf(
		model,
		"%s keeps %s from this place to that server, which has given %s "
		"up: a pool will notice at its next use.",
		cwr_words_blamed(model, f), is_one ? "one idle connection" : "idle connections",
		is_one ? "it" : "them");
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
