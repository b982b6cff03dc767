/* SPDX-License-Identifier: MIT */
/*
 * Prepared answers; see index.h.  A place is the call in the source that made a socket
 * (cwr_fact_same_site()), a service what a place connects to.  What only some models are asked for
 * is found out at the first question.
 */
#include "diagnose/index.h"

#include "diagnose/facts.h"
#include "diagnose/table.h"
#include "diagnose/waits.h"

#include <stdlib.h>
#include <string.h>

/* The kernel's clock of data counts in ticks, ours as well. */
#define TICK_S 0.02

/* The last word of a key: what it is the key of; see also descriptors.c. */
enum kind { PLACE = 1, SERVICE, CONNECTOR, CLIENT, SERVERS };

struct place {
	size_t nused;	      /* sockets that their creator uses or has used */
	uint64_t last_served; /* the latest creation of one on which data moved */
	bool is_reused;	      /* one of its connections was used for a second exchange */
};

/* The open and ended connections of one place to one peer, as times before now. */
struct service {
	size_t n;	    /* of those ... */
	double *made;	    /* ... when they were made, in order */
	size_t nspans;	    /* times in which one was idle and its peer still there: ... */
	double *from;	    /* ... their beginnings, in order, those nearer to now first */
	double *to;	    /* ... and their ends */
	bool has_brief;	    /* one of them was used for an exchange or two */
	bool is_interlaced; /* one was used again after another had been made */
	struct service *next;
};

struct count {
	size_t n;
	bool is_known;
};

struct moment {
	uint64_t t;
};

struct servers {
	struct cwr_servers servers;
	bool is_known;
};

static uint64_t word(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

/* --- Places. --- */

/* False: nothing is known of where it was made. */
static bool place_key(const struct cwr_socket *socket, struct cwr_key *ret_key)
{
	const struct cwr_stack *stack = socket->created.stack;

	if (!stack || !stack->nips)
		return false;
	*ret_key = (struct cwr_key){{
		word(stack->process),
		word(socket->creator),
		stack->ips[0],
		socket->role == CWR_ROLE_ACCEPTED ? socket->local.port + 1u : 0,
		0,
		PLACE,
	}};
	return true;
}

static struct place *place_of(const struct cwr_model *model, const struct cwr_socket *socket)
{
	struct cwr_key key;

	return place_key(socket, &key) ? cwr_table_find(&model->index->table, &key) : NULL;
}

static bool is_used_by_creator(const struct cwr_socket *socket)
{
	return socket->creator && cwr_fact_process_used(socket, socket->creator);
}

/*
 * A handshake of TLS is one or two turns by itself (RFC 5246, 7.3; RFC 8446, 2), before the first
 * request.
 */
static bool is_reused(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->turns >= (h->speaks_tls ? CWR_TURNS_MAX : 1))
			return true;
	return false;
}

static void add_to_place(struct cwr_index *index, const struct cwr_socket *socket)
{
	struct cwr_key key;
	struct place *place;

	if (!place_key(socket, &key))
		return;
	place = cwr_table_get(&index->table, &key, sizeof(*place));
	place->nused += is_used_by_creator(socket);
	if (cwr_fact_has_moved_data(socket) && socket->created.t > place->last_served)
		place->last_served = socket->created.t;
	place->is_reused |= is_reused(socket);
}

bool cwr_index_has_used_sibling(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const struct place *place = place_of(model, socket);

	return place && place->nused > is_used_by_creator(socket);
}

bool cwr_index_has_served_successor(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const struct place *place = place_of(model, socket);

	/* Most are closed when they have been served.  Two within a tick of the clock say nothing:
	 * the one that was not served may be the later one. */
	if (socket->site.t_served > socket->created.t)
		return true;
	return place && place->last_served > socket->created.t;
}

/* --- Clients. --- */

static void set_peer(struct cwr_key *key, const struct cwr_addr *peer)
{
	memcpy(&key->word[1], peer->ip, sizeof(peer->ip));
	key->word[3] = (uint64_t)peer->family << 16 | peer->port;
}

/* False: it is no connection to a server, or not known to which. */
static bool client_key(const struct cwr_socket *socket, const void *of, enum kind kind,
		       struct cwr_key *ret_key)
{
	if (socket->role != CWR_ROLE_CONNECTED || !socket->peer.family || !of)
		return false;
	*ret_key = (struct cwr_key){{word(of), 0, 0, 0, 0, kind}};
	set_peer(ret_key, &socket->peer);
	return true;
}

static bool service_key(const struct cwr_model *model, const struct cwr_socket *socket,
			enum kind kind, struct cwr_key *ret_key)
{
	return client_key(socket, place_of(model, socket), kind, ret_key);
}

static void add_connector(struct cwr_index *index, const struct cwr_socket *socket)
{
	struct cwr_key key;
	struct moment *latest;

	if (!service_key(index->table.model, socket, CONNECTOR, &key))
		return;
	key.word[4] = (uint64_t)socket->created.tid;
	latest = cwr_table_get(&index->table, &key, sizeof(*latest));
	if (socket->created.t > latest->t)
		latest->t = socket->created.t;
}

bool cwr_index_was_replaced(const struct cwr_model *model, const struct cwr_socket *socket,
			    pid_t tid, uint64_t t)
{
	const struct moment *latest;
	struct cwr_key key;

	if (!service_key(model, socket, CONNECTOR, &key))
		return false;
	key.word[4] = (uint64_t)tid;
	latest = cwr_table_find(&model->index->table, &key);
	return latest && latest->t >= t && latest->t > socket->created.t;
}

/* Once for each process that has it open, under however many numbers. */
static void add_client(struct cwr_index *index, const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next) {
		struct cwr_key key;
		struct count *count;

		if (cwr_fact_open_in(socket, h->process) != h ||
		    !client_key(socket, h->process, CLIENT, &key))
			continue;
		count = cwr_table_get(&index->table, &key, sizeof(*count));
		count->n++;
	}
}

bool cwr_index_has_other_to_peer(const struct cwr_model *model, const struct cwr_socket *socket,
				 const struct cwr_process *process)
{
	const struct count *count;
	struct cwr_key key;

	if (!client_key(socket, process, CLIENT, &key))
		return false;
	count = cwr_table_find(&model->index->table, &key);
	return count && count->n > 1;
}

/* --- Which connections were idle when others were made. --- */

enum { A_FEW = 3 };

struct span {
	double made, from, to; /* seconds before now; from is nearer to now */
};

/*
 * Nothing that this place made was ever closed, though it made some.  A pool closes those that it
 * finds dead when it needs one, though it may leave others for later.
 */
static bool is_never_closed(const struct cwr_socket *socket)
{
	return socket->site.known && !socket->site.closed && socket->site.created >= A_FEW;
}

/*
 * When it was made, before the last look, and when it was idle for good while its peer was
 * still there, so that it could have been used again; or later, if it is clear that it was not kept
 * for that.  What came before it did not pass it over.
 */
static struct span span_of(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const uint64_t t = socket->created.t;
	const uint64_t last = socket->creator ? socket->creator->t_looked_at : 0;
	const uint64_t until = last ? last : model->now;
	struct span span = {.made = t < until ? (double)(until - t) / 1e9 : 0};

	if (socket->idle_s < 0 || socket->fin_age_s < 0)
		return span;
	span.from = is_never_closed(socket) ? -1 : socket->fin_age_s + TICK_S;
	span.to = socket->idle_s - TICK_S;
	if (span.to > span.made)
		span.to = span.made + 1e-9;
	return span;
}

/* A log-in to a data base is a turn or two, and the first question another. */
static bool is_brief(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->turns >= 2)
			return false;
	return true;
}

static bool is_in_service(const struct cwr_socket *socket)
{
	return socket->creator && cwr_fact_open_in(socket, socket->creator) &&
	       socket->peer_has_closed && !cwr_fact_eof_reader(socket);
}

/*
 * A thread may keep a connection of its own to the same peer: another thread's new one passes over
 * none.  Who has ended keeps nothing.
 */
static bool is_kept_by_thread(const struct cwr_socket *socket)
{
	const struct cwr_process *process = socket->creator;

	return process->nthreads && cwr_waits_thread(process, socket->created.tid);
}

/* What one thread made, or all did. */
static bool made_by_key(const struct cwr_model *model, const struct cwr_socket *socket,
			bool is_threads, struct cwr_key *ret_key)
{
	if (!service_key(model, socket, SERVICE, ret_key))
		return false;
	ret_key->word[4] = is_threads ? (uint64_t)socket->created.tid + 1 : 0;
	return true;
}

static struct service *service_of(struct cwr_index *index, const struct cwr_socket *socket,
				  bool is_threads)
{
	struct cwr_key key;

	if (!is_in_service(socket) || !made_by_key(index->model, socket, is_threads, &key))
		return NULL;
	return cwr_table_get(&index->table, &key, sizeof(struct service));
}

static void count_in_service(struct cwr_index *index, const struct cwr_socket *socket,
			     bool is_threads)
{
	struct service *service = service_of(index, socket, is_threads);

	if (!service)
		return;
	if (!service->n++) {
		service->next = index->services;
		index->services = service;
	}
}

static void make_room(struct cwr_index *index)
{
	for (struct service *s = index->services; s; s = s->next) {
		s->made = cwr_model_alloc(index->model, 3 * s->n * sizeof(*s->made));
		s->from = s->made + s->n;
		s->to = s->from + s->n;
		s->n = 0;
	}
}

static void add_to_service(struct cwr_index *index, const struct cwr_socket *socket,
			   bool is_threads)
{
	struct service *service = service_of(index, socket, is_threads);
	struct span span;

	if (!service)
		return;
	span = span_of(index->model, socket);
	service->made[service->n++] = span.made;
	service->has_brief |= is_brief(socket);
	if (span.from >= span.to || is_kept_by_thread(socket) != is_threads)
		return;
	service->from[service->nspans] = span.from;
	service->to[service->nspans++] = span.to;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort_services(struct cwr_index *index)
{
	for (struct service *s = index->services; s; s = s->next) {
		qsort(s->made, s->n, sizeof(*s->made), by_value);
		qsort(s->from, s->nspans, sizeof(*s->from), by_value);
		qsort(s->to, s->nspans, sizeof(*s->to), by_value);
	}
}

/* How many of n values in order are less than the limit; with is_equal, or equal to it. */
static size_t count_below(const double *values, size_t n, double limit, bool is_equal)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (values[middle] < limit || (is_equal && values[middle] <= limit))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many were made while this one was idle, and how many were idle when this one was made. */
static size_t count_passed(const struct cwr_model *model, const struct cwr_socket *socket,
			   const struct span *span, bool is_threads)
{
	const struct service *service;
	struct cwr_key key;
	size_t n;

	if (!made_by_key(model, socket, is_threads, &key))
		return 0;
	service = cwr_table_find(&model->index->table, &key);
	if (!service)
		return 0;
	n = count_below(service->from, service->nspans, span->made, false) -
	    count_below(service->to, service->nspans, span->made, true);
	if (span->from < span->to && is_kept_by_thread(socket) == is_threads)
		n += count_below(service->made, service->n, span->to, false) -
		     count_below(service->made, service->n, span->from, true);
	return n;
}

static void note_interlacing(struct cwr_index *index, const struct cwr_socket *socket)
{
	struct service *service = service_of(index, socket, false);
	struct span span;

	if (!service || socket->idle_s < 0)
		return;
	span = span_of(index->model, socket);
	service->is_interlaced |=
		count_below(service->made, service->n, span.made, false) >
		count_below(service->made, service->n, socket->idle_s + TICK_S, true);
}

/*
 * Where each was used a few times, never after another had been made, and none was ever closed,
 * each may have served one purpose, such as one request's questions to a data base.
 */
bool cwr_index_is_pool(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const struct place *place = place_of(model, socket);
	const struct service *service;
	struct cwr_key key;

	if (!place || !place->is_reused)
		return false;
	if (!is_never_closed(socket) || !made_by_key(model, socket, false, &key))
		return true;
	service = cwr_table_find(&model->index->table, &key);
	return !service || service->n < A_FEW || service->has_brief || service->is_interlaced;
}

bool cwr_index_was_passed_over(const struct cwr_model *model, const struct cwr_socket *socket)
{
	const struct span span = span_of(model, socket);
	const bool is_in_own = span.made > span.from && span.made < span.to;

	return count_passed(model, socket, &span, true) +
		       count_passed(model, socket, &span, false) >
	       (is_in_own && is_in_service(socket) ? 2u : 0u);
}

/* --- Who serves the sockets of a place. --- */

static struct cwr_servers find_servers(const struct cwr_model *model,
				       const struct cwr_socket *socket,
				       const struct cwr_process *process)
{
	struct cwr_servers found = {0};

	for (const struct cwr_holder *h = process->holders; h; h = h->next_in_process) {
		const struct cwr_thread *thread;

		if (!h->last_use.tid || cwr_fact_open_in(h->socket, process) != h ||
		    !cwr_fact_same_site(h->socket, socket))
			continue;
		thread = cwr_waits_thread(process, h->last_use.tid);
		found.is_any_free |= thread && !cwr_waits_is_stuck(model, process, thread);
		/* The list begins with the latest. */
		if (!found.is_known)
			found.thread = thread;
		found.is_known = true;
	}
	return found;
}

struct cwr_servers cwr_index_servers(const struct cwr_model *model, const struct cwr_socket *socket,
				     const struct cwr_process *process)
{
	const struct cwr_key key = {
		{word(place_of(model, socket)), word(process), 0, 0, 0, SERVERS}};
	struct servers *servers;

	if (!key.word[0])
		return (struct cwr_servers){0};
	servers = cwr_table_get(&model->index->table, &key, sizeof(*servers));
	if (!servers->is_known)
		servers->servers = find_servers(model, socket, process);
	servers->is_known = true;
	return servers->servers;
}

void cwr_index_build(struct cwr_model *model)
{
	struct cwr_index *index = model->index = cwr_model_alloc(model, sizeof(*index));

	index->model = index->table.model = model;
	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		add_to_place(index, s);
		add_client(index, s);
	}
	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		add_connector(index, s);
		count_in_service(index, s, true);
		count_in_service(index, s, false);
	}
	make_room(index);
	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		add_to_service(index, s, true);
		add_to_service(index, s, false);
	}
	sort_services(index);
	for (const struct cwr_socket *s = model->sockets; s; s = s->next)
		note_interlacing(index, s);
	for (struct cwr_process *p = model->processes; p; p = p->next)
		cwr_waits_sort(p);
}
