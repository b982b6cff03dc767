/* SPDX-License-Identifier: MIT */
/*
 * What threads did one after the other, in sorted lists; see pairs.h.
 */
#include "diagnose/pairs.h"

#include "diagnose/index.h"
#include "diagnose/table.h"

#include <stdlib.h>

struct moments {
	size_t n;
	struct cwr_moment *moments; /* by process, thread and time */
};

struct facing {
	struct cwr_facing *first;
};

struct cwr_pairs {
	struct moments shutdowns;
	struct moments eofs;
	struct cwr_table by_ports;
};

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_time(const void *left, const void *right)
{
	const struct cwr_moment *a = left, *b = right;

	if (a->process != b->process)
		return by_number((uintptr_t)a->process, (uintptr_t)b->process);
	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	return by_number(a->t, b->t);
}

/* Of several with one time the order in which they were found decides: qsort() knows none. */
static int by_time_and_age(const void *left, const void *right)
{
	const struct cwr_moment *a = left, *b = right;
	int order = by_time(a, b);

	return order ? order : by_number(a->holder->socket->cookie, b->holder->socket->cookie);
}

static bool is_half_shut(const struct cwr_holder *h)
{
	return h->socket->state == CWR_TCP_FIN_WAIT2 && h->is_open && h->shut_wr && !h->shut_rd &&
	       h->shutdown.t;
}

static void add(struct moments *list, const struct cwr_holder *holder, const struct cwr_mark *mark)
{
	if (list->moments)
		list->moments[list->n] =
			(struct cwr_moment){holder->process, mark->tid, mark->t, holder};
	list->n++;
}

static void collect(const struct cwr_model *model, struct cwr_pairs *pairs)
{
	pairs->shutdowns.n = pairs->eofs.n = 0;
	for (const struct cwr_socket *s = model->sockets; s; s = s->next)
		for (const struct cwr_holder *h = s->holders; h; h = h->next) {
			if (is_half_shut(h))
				add(&pairs->shutdowns, h, &h->shutdown);
			if (h->eof.t)
				add(&pairs->eofs, h, &h->eof);
		}
}

static void make_room(struct cwr_model *model, struct moments *list)
{
	list->moments = cwr_model_alloc(model, (list->n + 1) * sizeof(*list->moments));
}

static void sort(struct moments *list)
{
	if (list->n)
		qsort(list->moments, list->n, sizeof(*list->moments), by_time_and_age);
}

static void add_facing(struct cwr_pairs *pairs, const struct cwr_socket *socket)
{
	const struct cwr_key key = {{socket->local.port, socket->peer.port}};
	struct facing *facing = cwr_table_get(&pairs->by_ports, &key, sizeof(*facing));
	struct cwr_facing *entry = cwr_model_alloc(pairs->by_ports.model, sizeof(*entry));

	*entry = (struct cwr_facing){socket, facing->first};
	facing->first = entry;
}

static struct cwr_pairs *make_pairs(struct cwr_model *model)
{
	struct cwr_pairs *pairs = cwr_model_alloc(model, sizeof(*pairs));

	pairs->by_ports.model = model;
	collect(model, pairs);
	make_room(model, &pairs->shutdowns);
	make_room(model, &pairs->eofs);
	collect(model, pairs);
	sort(&pairs->shutdowns);
	sort(&pairs->eofs);
	for (const struct cwr_socket *s = model->sockets; s; s = s->next)
		if (s->local.family && s->peer.family)
			add_facing(pairs, s);
	return pairs;
}

static struct cwr_pairs *pairs_of(const struct cwr_model *model)
{
	struct cwr_index *index = model->index;

	if (!index->pairs)
		index->pairs = make_pairs(index->model);
	return index->pairs;
}

/* The first moment of the thread of `from` that is not before it; NULL: none. */
static const struct cwr_moment *find(const struct moments *list, const struct cwr_moment *from)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_time(&list->moments[middle], from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->n || list->moments[low].process != from->process ||
	    list->moments[low].tid != from->tid)
		return NULL;
	return &list->moments[low];
}

const struct cwr_moment *cwr_pairs_first_shutdown(const struct cwr_model *model,
						  const struct cwr_holder *reader)
{
	const struct cwr_moment from = {reader->process, reader->eof.tid, reader->eof.t, reader};

	return find(&pairs_of(model)->shutdowns, &from);
}

const struct cwr_moment *cwr_pairs_next_shutdown(const struct cwr_model *model,
						 const struct cwr_moment *moment)
{
	const struct moments *list = &pairs_of(model)->shutdowns;
	const struct cwr_moment *next = moment + 1;

	return next < list->moments + list->n && next->process == moment->process &&
			       next->tid == moment->tid
		       ? next
		       : NULL;
}

bool cwr_pairs_has_eof_until(const struct cwr_model *model, const struct cwr_holder *reader,
			     uint64_t t)
{
	const struct cwr_moment from = {reader->process, reader->eof.tid, reader->eof.t + 1,
					reader};
	const struct cwr_moment *next = find(&pairs_of(model)->eofs, &from);

	return next && next->t <= t;
}

const struct cwr_facing *cwr_pairs_facing(const struct cwr_model *model,
					  const struct cwr_socket *socket)
{
	const struct cwr_key key = {{socket->peer.port, socket->local.port}};
	const struct facing *facing = cwr_table_find(&pairs_of(model)->by_ports, &key);

	return facing ? facing->first : NULL;
}
