/* SPDX-License-Identifier: MIT */
/*
 * Diagnosis: takes every connection whose peer has closed and that somebody still has open, asks
 * the rules in their order, and groups what they say into findings.  See diagnose.h.
 */
#include "diagnose/diagnose.h"
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/group.h"
#include "diagnose/index.h"
#include "diagnose/suppress.h"

#include <stdlib.h>
#include <string.h>

/* Other causes that the facts support as well. */
static void add_also(struct cwr_case *c, size_t next)
{
	size_t n = 0;

	for (size_t i = next; cwr_causes[i] && n < CWR_ALSO_MAX; i++) {
		struct cwr_case other = {.model = c->model, .socket = c->socket};

		if (!cwr_causes[i]->is_fallback && cwr_causes[i]->decide &&
		    cwr_causes[i]->decide(&other))
			c->also[n++] = cwr_causes[i]->id;
	}
}

/* That the descriptor is open is itself not sure without the kernel's word, nor is what the rest of
 * the program's sockets are doing. */
static void doubt_unconfirmed(struct cwr_case *c)
{
	if ((!c->blamed->is_confirmed || c->socket->is_by_number) && c->confidence == CWR_HIGH)
		c->confidence = CWR_MEDIUM;
}

static void complete(struct cwr_case *c, size_t cause)
{
	c->cause = cwr_causes[cause];
	c->evidence[CWR_EV_CREATED] = c->socket->created;
	if (c->cause->needs_no_holder) {
		if (!c->age_s)
			c->age_s = cwr_fact_fin_age(c->model, c->socket, c->blamed->process);
		return;
	}
	c->age_s = cwr_fact_fin_age(c->model, c->socket, c->blamed->process);
	add_also(c, cause + 1);
	doubt_unconfirmed(c);
}

static bool judge(struct cwr_case *c)
{
	bool is_held = !c->socket->listener && cwr_fact_server(c->socket);

	for (size_t i = 0; cwr_causes[i]; i++) {
		if (!cwr_causes[i]->decide || (!is_held && !cwr_causes[i]->needs_no_holder) ||
		    !cwr_causes[i]->decide(c))
			continue;
		complete(c, i);
		return true;
	}
	return false;
}

/*
 * A FIN that has only just come is being dealt with.  Not so in a process that ends: if the
 * end-of-file was read, there will be no close after it.
 */
static bool is_ripe(const struct cwr_case *c)
{
	const struct cwr_process *process = c->blamed->process;
	uint64_t until = cwr_fact_known_until(c->model, process);
	double life_s;

	if (c->blamed->closed.t || (cwr_fact_is_ending(process) && cwr_fact_eof_reader(c->socket)))
		return true;
	if (c->age_s >= 0)
		return c->age_s >= c->model->policy.min_age_s;
	life_s = until > c->socket->created.t ? (double)(until - c->socket->created.t) / 1e9 : 0;
	return !until || !c->socket->created.t || life_s >= c->model->policy.min_age_s;
}

static bool is_wanted(const struct cwr_model *model, const struct cwr_cause *cause)
{
	const char *only = model->policy.only_cause;

	return !only || !strcmp(only, cause->id);
}

static struct cwr_case *judge_socket(struct cwr_model *model, struct cwr_socket *socket)
{
	struct cwr_case *c;

	if (!cwr_fact_is_connection(socket) || !cwr_fact_peer_closed(socket))
		return NULL;
	if (!model->index)
		cwr_index_build(model);
	c = cwr_model_alloc(model, sizeof(*c));
	c->model = model;
	c->socket = socket;
	return judge(c) && is_ripe(c) && is_wanted(model, c->cause) ? c : NULL;
}

/* After the sockets' findings, which are what such a cause follows from. */
static void judge_process(struct cwr_model *model, struct cwr_process *process,
			  const struct cwr_cause *cause)
{
	struct cwr_finding finding = {.process = process, .oldest_s = -1};

	if (!cause->decide_process || !is_wanted(model, cause) ||
	    !cause->decide_process(model, &finding))
		return;
	cwr_group_add(model, cause, &finding);
}

void cwr_diagnose(struct cwr_model *model)
{
	struct cwr_case **cases;
	size_t n = 0;

	for (const struct cwr_socket *s = model->sockets; s; s = s->next)
		n++;
	cases = cwr_model_alloc(model, (n + 1) * sizeof(*cases));
	model->index = NULL;
	n = 0;
	for (struct cwr_socket *s = model->sockets; s; s = s->next) {
		cases[n] = judge_socket(model, s);
		if (cases[n])
			n++;
	}
	cwr_group_cases(model, cases, n);
	for (size_t i = 0; cwr_causes[i]; i++)
		for (struct cwr_process *p = model->processes; p; p = p->next)
			judge_process(model, p, cwr_causes[i]);
	cwr_group_summarize(model);
}

void cwr_diagnose_advise(struct cwr_model *model)
{
	cwr_group_merge(model);
	cwr_suppress_apply(model);
	cwr_group_summarize(model);
	for (struct cwr_finding *f = model->findings; f; f = f->next)
		cwr_cause_find(f->cause)->advise(model, f);
}
