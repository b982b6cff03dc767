/* SPDX-License-Identifier: MIT */
/*
 * Many sockets, one finding; see group.h.  Cases are sorted by group and age, so that a finding is
 * a run of them and its example, the oldest socket, comes first.
 */
#include "diagnose/group.h"
#include "diagnose/fingerprint.h"
#include "diagnose/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_keys(struct cwr_case *c)
{
	const struct cwr_process *process = c->blamed->process;
	const struct cwr_mark *key = &c->evidence[c->cause->key];
	uint64_t print = cwr_fingerprint_text(CWR_FINGERPRINT_START, c->cause->id);

	print = cwr_fingerprint_stack(print, c->socket->created.stack);
	if (c->cause->key != CWR_EV_CREATED)
		print = cwr_fingerprint_stack(print, key->stack);
	c->fingerprint = print;
	c->group = cwr_fingerprint_text(print, process->exe);
	if (!process->exe)
		c->group += (uint64_t)process->pid * 0x9e3779b97f4a7c15u;
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Oldest first; unknown ages by the time of creation. */
static int by_age(const struct cwr_case *a, const struct cwr_case *b)
{
	if (a->age_s != b->age_s)
		return a->age_s > b->age_s ? -1 : 1;
	return by_number(a->socket->created.t, b->socket->created.t);
}

static int compare_cases(const void *left, const void *right)
{
	const struct cwr_case *a = *(struct cwr_case *const *)left;
	const struct cwr_case *b = *(struct cwr_case *const *)right;

	if (a->group != b->group)
		return by_number(a->group, b->group);
	return by_age(a, b);
}

/* Each once, in the order of their sockets. */
static void add_child(struct cwr_finding *f, struct cwr_table *seen, pid_t child)
{
	const struct cwr_key key = {{(uint64_t)child}};
	const size_t before = seen->n;

	cwr_table_get(seen, &key, 1);
	if (seen->n > before)
		f->children[f->nchildren++] = child;
}

static void add_sockets(struct cwr_model *model, struct cwr_finding *f, struct cwr_case **cases,
			size_t n)
{
	struct cwr_table seen = {.model = model};

	f->sockets = cwr_model_alloc(model, n * sizeof(*f->sockets));
	f->blamed = cwr_model_alloc(model, n * sizeof(*f->blamed));
	f->children = cwr_model_alloc(model, n * sizeof(*f->children));
	f->is_confirmed = f->closed_at_exit = true;
	for (size_t i = 0; i < n; i++) {
		f->sockets[i] = cases[i]->socket;
		f->blamed[i] = cases[i]->blamed;
		/* What was closed, and is told as such, is no question for the kernel. */
		f->is_confirmed &= cases[i]->blamed->is_confirmed ||
				   (cases[i]->cause->needs_no_holder &&
				    (cases[i]->blamed->closed.t || cases[i]->socket->stood_s > 0));
		f->closed_at_exit &= cases[i]->blamed->closed_at_exit;
		if (cases[i]->confidence > f->confidence)
			f->confidence = cases[i]->confidence;
		if (cases[i]->child)
			add_child(f, &seen, cases[i]->child);
	}
	f->nsockets = n;
}

static struct cwr_finding *make_finding(struct cwr_model *model, struct cwr_case **cases, size_t n)
{
	struct cwr_finding *f = cwr_model_alloc(model, sizeof(*f));
	struct cwr_case *example = cases[0];

	snprintf(f->id, sizeof(f->id), "%016" PRIx64, example->fingerprint);
	f->cause = example->cause->id;
	f->title = example->cause->title;
	f->verdict = example->cause->verdict;
	f->also_possible = example->also;
	f->process = example->blamed->process;
	f->oldest_s = example->age_s;
	memcpy(f->evidence, example->evidence, sizeof(f->evidence));
	add_sockets(model, f, cases, n);
	cwr_group_sum_site(model, f);
	return f;
}

static bool is_worse(const struct cwr_finding *a, const struct cwr_finding *b)
{
	if (a->verdict != b->verdict)
		return a->verdict < b->verdict;
	if (a->nsockets != b->nsockets)
		return a->nsockets > b->nsockets;
	return a->oldest_s > b->oldest_s;
}

void cwr_group_insert(struct cwr_model *model, struct cwr_finding *finding)
{
	struct cwr_finding **link = &model->findings;

	while (*link && !is_worse(finding, *link))
		link = &(*link)->next;
	finding->next = *link;
	*link = finding;
}

void cwr_group_cases(struct cwr_model *model, struct cwr_case **cases, size_t n)
{
	size_t end;

	for (size_t i = 0; i < n; i++)
		set_keys(cases[i]);
	if (n)
		qsort(cases, n, sizeof(struct cwr_case *), compare_cases);
	for (size_t start = 0; start < n; start = end) {
		for (end = start + 1; end < n && cases[end]->group == cases[start]->group; end++)
			;
		cwr_group_insert(model, make_finding(model, cases + start, end - start));
	}
}

void cwr_group_add(struct cwr_model *model, const struct cwr_cause *cause,
		   const struct cwr_finding *finding)
{
	struct cwr_finding *f = cwr_model_alloc(model, sizeof(*f));
	uint64_t print = cwr_fingerprint_text(CWR_FINGERPRINT_START, cause->id);

	*f = *finding;
	f->cause = cause->id;
	f->title = cause->title;
	f->verdict = cause->verdict;
	print = cwr_fingerprint_stack(print, f->evidence[cause->key].stack);
	snprintf(f->id, sizeof(f->id), "%016" PRIx64, print);
	cwr_group_insert(model, f);
}

void cwr_group_summarize(struct cwr_model *model)
{
	memset(model->summary, 0, sizeof(model->summary));
	model->suppressed = 0;
	for (const struct cwr_finding *f = model->findings; f; f = f->next) {
		if (f->suppressed)
			model->suppressed += f->nsockets;
		else
			model->summary[f->verdict] += f->nsockets;
	}
}
