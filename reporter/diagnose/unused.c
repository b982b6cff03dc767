/* SPDX-License-Identifier: MIT */
/*
 * A connection that was accepted and never used, though others were: an early error path forgot it.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/index.h"
#include "diagnose/waits.h"
#include "diagnose/words.h"

static bool decide(struct cwr_case *c)
{
	struct cwr_holder *owner =
		c->socket->creator ? cwr_fact_open_in(c->socket, c->socket->creator) : NULL;

	if (!owner || c->socket->recv_q < 1 || !c->socket->has_tcp_bytes ||
	    cwr_fact_has_moved_data(c->socket) || !cwr_waits_are_known(owner->process) ||
	    cwr_waits_of(c->socket, owner).sets || cwr_waits_in_call(owner->process, owner->fd) ||
	    !cwr_index_has_served_successor(c->model, c->socket))
		return false;
	c->blamed = owner;
	c->confidence = CWR_MEDIUM;
	return true;
}

static void advise(struct cwr_model *model, struct cwr_finding *f)
{
	f->explanation = cwr_model_printf(model,
					  "%s never read from this connection nor wrote to it, and "
					  "does not wait for it either, "
					  "though it served later ones from the same place: it was "
					  "forgotten right after it was "
					  "made.",
					  cwr_words_blamed(model, f));
	f->advice = cwr_model_printf(
		model,
		"look for a path that returns early after the %s is created%s, and close it there.",
		cwr_words_socket(f), cwr_words_at(model, &f->evidence[CWR_EV_CREATED]));
}

const struct cwr_cause cwr_cause_never_used = {
	.id = "never-used",
	.verdict = CWR_LEAK,
	.title = "never used, forgotten right after it was made",
	.key = CWR_EV_CREATED,
	.decide = decide,
	.advise = advise,
};
