/* SPDX-License-Identifier: MIT */
/*
 * Findings that are one in the eyes of who reads the source; see cwr_group_merge() in group.h.
 */
#include "diagnose/cause.h"
#include "diagnose/diagnose.h"
#include "diagnose/facts.h"
#include "diagnose/fingerprint.h"
#include "diagnose/group.h"
#include "diagnose/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Was no socket of that process and that stack seen before?  Equal stacks may be there twice. */
static bool is_new_place(struct cwr_table *seen, const struct cwr_socket *socket)
{
	const uint64_t creator = (uint64_t)(uintptr_t)socket->creator;
	const struct cwr_stack *stack = socket->created.stack;
	const struct cwr_key by_stack = {{creator, (uint64_t)(uintptr_t)stack, 1}};
	struct cwr_key by_print = {{creator, 0, 2}};
	size_t before = seen->n;

	cwr_table_get(seen, &by_stack, 1);
	if (seen->n == before)
		return false;
	by_print.word[1] = cwr_fingerprint_stack(CWR_FINGERPRINT_START, stack);
	before = seen->n;
	cwr_table_get(seen, &by_print, 1);
	return seen->n > before;
}

/*
 * The lives of what two places made.  The median of both lies between theirs, and nothing is left
 * to tell where.
 */
static void join_lives(struct cwr_site_stats *sum, const struct cwr_site_stats *site)
{
	bool has_one_median = sum->life_median == site->life_median;

	if (site->life_max < 0)
		return;
	if (sum->life_max < 0) {
		sum->life_min = site->life_min;
		sum->life_median = site->life_median;
		sum->life_max = site->life_max;
		return;
	}
	if (site->life_min < sum->life_min)
		sum->life_min = site->life_min;
	if (site->life_max > sum->life_max)
		sum->life_max = site->life_max;
	if (!has_one_median)
		sum->life_median = -1;
}

static void add_site(struct cwr_site_stats *sum, const struct cwr_site_stats *site)
{
	join_lives(sum, site);
	sum->known = sum->known && site->known;
	sum->created += site->created;
	sum->closed += site->closed;
}

void cwr_group_sum_site(struct cwr_model *model, struct cwr_finding *f)
{
	struct cwr_table seen = {.model = model};

	if (!f->nsockets)
		return;
	f->site = f->sockets[0]->site;
	is_new_place(&seen, f->sockets[0]);
	for (size_t i = 1; i < f->nsockets; i++)
		if (is_new_place(&seen, f->sockets[i]))
			add_site(&f->site, &f->sockets[i]->site);
}

static uint64_t source_print(const struct cwr_finding *f)
{
	const struct cwr_cause *cause = cwr_cause_find(f->cause);
	uint64_t print = cwr_fingerprint_text(CWR_FINGERPRINT_START, f->cause);

	print = cwr_fingerprint_source(print, f->evidence[CWR_EV_CREATED].stack);
	if (cause->key != CWR_EV_CREATED)
		print = cwr_fingerprint_source(print, f->evidence[cause->key].stack);
	return print;
}

static bool is_same_program(const struct cwr_process *a, const struct cwr_process *b)
{
	return a == b || (a->exe && b->exe && !strcmp(a->exe, b->exe));
}

static struct cwr_finding *find_twin(const struct cwr_model *model, const struct cwr_finding *f)
{
	/* Each process runs out of descriptors by itself. */
	for (struct cwr_finding *other = model->findings; other && !f->ncalls; other = other->next)
		if (!strcmp(other->id, f->id) && is_same_program(other->process, f->process))
			return other;
	return NULL;
}

static bool is_older(const struct cwr_model *model, const struct cwr_finding *a, size_t i,
		     const struct cwr_finding *b, size_t j)
{
	double age_a = cwr_fact_fin_age(model, a->sockets[i], a->blamed[i]->process);
	double age_b = cwr_fact_fin_age(model, b->sockets[j], b->blamed[j]->process);

	if (age_a != age_b)
		return age_a > age_b;
	return a->sockets[i]->created.t <= b->sockets[j]->created.t;
}

/* Both lists are oldest first, and so is the one they become. */
static void join_sockets(struct cwr_model *model, struct cwr_finding *f,
			 const struct cwr_finding *other)
{
	size_t n = f->nsockets + other->nsockets;
	struct cwr_socket **sockets = cwr_model_alloc(model, n * sizeof(*sockets));
	struct cwr_holder **blamed = cwr_model_alloc(model, n * sizeof(*blamed));

	for (size_t i = 0, j = 0; i + j < n;) {
		bool is_first = j == other->nsockets ||
				(i < f->nsockets && is_older(model, f, i, other, j));
		const struct cwr_finding *from = is_first ? f : other;
		size_t at = is_first ? i : j;

		sockets[i + j] = from->sockets[at];
		blamed[i + j] = from->blamed[at];
		*(is_first ? &i : &j) += 1;
	}
	f->sockets = sockets;
	f->blamed = blamed;
	f->nsockets = n;
}

static void join_children(struct cwr_model *model, struct cwr_finding *f,
			  const struct cwr_finding *other)
{
	size_t n = f->nchildren + other->nchildren;
	pid_t *children = cwr_model_alloc(model, (n + 1) * sizeof(*children));

	if (f->nchildren)
		memcpy(children, f->children, f->nchildren * sizeof(*children));
	if (other->nchildren)
		memcpy(children + f->nchildren, other->children,
		       other->nchildren * sizeof(*children));
	f->children = children;
	f->nchildren = n;
}

/* The example of a finding is its oldest socket, so the younger one joins the older one. */
static void join(struct cwr_model *model, struct cwr_finding *f, const struct cwr_finding *other)
{
	join_sockets(model, f, other);
	join_children(model, f, other);
	f->is_confirmed &= other->is_confirmed;
	f->closed_at_exit &= other->closed_at_exit;
	if (other->confidence > f->confidence)
		f->confidence = other->confidence;
	cwr_group_sum_site(model, f);
}

static void unlink_finding(struct cwr_model *model, const struct cwr_finding *finding)
{
	struct cwr_finding **link = &model->findings;

	while (*link != finding)
		link = &(*link)->next;
	*link = finding->next;
}

void cwr_group_merge(struct cwr_model *model)
{
	struct cwr_finding *next = model->findings;

	model->findings = NULL;
	for (struct cwr_finding *f = next; f; f = next) {
		struct cwr_finding *twin;

		next = f->next;
		snprintf(f->id, sizeof(f->id), "%016" PRIx64, source_print(f));
		twin = find_twin(model, f);
		if (twin) {
			unlink_finding(model, twin);
			if (is_older(model, twin, 0, f, 0)) {
				struct cwr_finding *younger = f;

				f = twin;
				twin = younger;
			}
			join(model, f, twin);
		}
		cwr_group_insert(model, f);
	}
}
