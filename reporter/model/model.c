/* SPDX-License-Identifier: MIT */
/*
 * The model's lists and its indexes of sockets and holders; see model.h.  Everything lives in one
 * arena, except the indexes.
 */
#include "model/model.h"
#include "model/arena.h"
#include "model/map.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without this uthash would end the command by exit(-1), without a word. */
#define HASH_NONFATAL_OOM	1
#define uthash_nonfatal_oom(el) cwr_out_of_memory()
#include <uthash.h>

enum { A_FEW = 4 };

/* No padding: the key is compared as bytes. */
struct holding {
	const struct cwr_socket *socket;
	const struct cwr_process *process;
	int64_t fd;
};

struct holder_entry {
	struct holding key;
	struct cwr_holder *holder;
	UT_hash_handle hh;
};

/* What cwr_model.arena points to. */
struct store {
	struct cwr_arena arena;
	struct cwr_map by_cookie;
	struct holder_entry *by_holding; /* of sockets with more than a few holders */
	struct cwr_process *last_process;
	struct cwr_socket *last_socket;
};

static struct store *store_of(const struct cwr_model *model)
{
	return model->arena;
}

struct cwr_model *cwr_model_new(void)
{
	struct cwr_model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	model->arena = calloc(1, sizeof(struct store));
	if (!model->arena) {
		free(model);
		return NULL;
	}
	model->reason = "report";
	model->policy = (struct cwr_policy){
		.min_age_s = 1,
		.in_use_s = 10,
		.late_s = -1,
		.fail_on = 1u << CWR_LEAK | 1u << CWR_STALL,
	};
	return model;
}

void cwr_model_free(struct cwr_model *model)
{
	struct store *store;

	if (!model)
		return;
	store = store_of(model);
	cwr_map_free(&store->by_cookie);
	HASH_CLEAR(hh, store->by_holding); /* the entries themselves are the arena's */
	cwr_arena_free(&store->arena);
	free(store);
	free(model);
}

void *cwr_model_alloc(struct cwr_model *model, size_t size)
{
	return cwr_arena_alloc(&store_of(model)->arena, size);
}

char *cwr_model_strdup(struct cwr_model *model, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(cwr_model_alloc(model, size), text, size);
}

char *cwr_model_printf(struct cwr_model *model, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		cwr_out_of_memory();
	text = cwr_model_alloc(model, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

struct cwr_process *cwr_model_add_process(struct cwr_model *model, pid_t pid)
{
	struct store *store = store_of(model);
	struct cwr_process *process = cwr_model_alloc(model, sizeof(*process));

	process->pid = pid;
	process->ppid = -1;
	if (store->last_process)
		store->last_process->next = process;
	else
		model->processes = process;
	store->last_process = process;
	return process;
}

struct cwr_socket *cwr_model_add_socket(struct cwr_model *model, uint64_t cookie)
{
	struct store *store = store_of(model);
	struct cwr_socket *socket = cwr_model_alloc(model, sizeof(*socket));

	socket->cookie = cookie;
	socket->recv_q = socket->unread = socket->send_q = socket->send_q_before = -1;
	socket->fin_age_s = socket->idle_s = socket->received_age_s = -1;
	socket->site = (struct cwr_site_stats){false, 0, 0, 0, -1, -1, -1};
	if (store->last_socket)
		store->last_socket->next = socket;
	else
		model->sockets = socket;
	store->last_socket = socket;
	if (cookie)
		cwr_map_put(&store->by_cookie, cookie, socket);
	return socket;
}

static void no_mark(struct cwr_mark *mark)
{
	mark->fd = -1;
}

static void append_holder(struct cwr_socket *socket, struct cwr_holder *holder)
{
	if (socket->last_holder)
		socket->last_holder->next = holder;
	else
		socket->holders = holder;
	socket->last_holder = holder;
	socket->nholders++;
}

static void index_holder(struct cwr_model *model, struct cwr_holder *holder)
{
	struct store *store = store_of(model);
	struct holder_entry *entry = cwr_model_alloc(model, sizeof(*entry));

	entry->key = (struct holding){holder->socket, holder->process, holder->fd};
	entry->holder = holder;
	HASH_ADD(hh, store->by_holding, key, sizeof(entry->key), entry);
}

/* All of them from the moment on that there are more than a few: their order may change. */
static void add_to_list(struct cwr_model *model, struct cwr_socket *socket,
			struct cwr_holder *holder)
{
	append_holder(socket, holder);
	if (socket->nholders == A_FEW + 1)
		for (struct cwr_holder *h = socket->holders; h; h = h->next)
			index_holder(model, h);
	else if (socket->nholders > A_FEW)
		index_holder(model, holder);
}

struct cwr_holder *cwr_model_find_holder(const struct cwr_model *model,
					 const struct cwr_socket *socket,
					 const struct cwr_process *process, int fd)
{
	struct cwr_holder *holder = socket->holders;
	struct holder_entry *entry;
	struct holding key;

	/* Nearly all sockets have a few only: to look at them is faster than the index. */
	for (int i = 0; holder && i < A_FEW; i++, holder = holder->next)
		if (holder->process == process && holder->fd == fd)
			return holder;
	if (!holder)
		return NULL;
	/* The analyzer follows memset() into the bytes that are hashed, and not an initializer. */
	memset(&key, 0, sizeof(key));
	key = (struct holding){socket, process, fd};
	HASH_FIND(hh, store_of(model)->by_holding, &key, sizeof(key), entry);
	return entry ? entry->holder : NULL;
}

struct cwr_holder *cwr_model_add_holder(struct cwr_model *model, struct cwr_socket *socket,
					struct cwr_process *process, int fd)
{
	struct cwr_holder *holder = cwr_model_alloc(model, sizeof(*holder));

	holder->socket = socket;
	holder->process = process;
	holder->fd = fd;
	holder->cloexec = -1;
	no_mark(&holder->via_mark);
	no_mark(&holder->eof);
	no_mark(&holder->shutdown);
	no_mark(&holder->last_use);
	no_mark(&holder->waited);
	no_mark(&holder->unpolled);
	no_mark(&holder->closed);
	no_mark(&holder->wrong_close);
	add_to_list(model, socket, holder);
	holder->next_in_process = process->holders;
	process->holders = holder;
	return holder;
}

void cwr_model_set_creator(struct cwr_socket *socket, struct cwr_holder *holder)
{
	struct cwr_holder **link = &socket->holders, *before = NULL;

	while (*link != holder) {
		before = *link;
		link = &before->next;
	}
	if (holder == socket->last_holder && before)
		socket->last_holder = before;
	*link = holder->next;
	holder->next = socket->holders;
	socket->holders = holder;
	holder->is_creator = true;
	socket->creator = holder->process;
}

static void unlink_socket(struct cwr_model *model, struct cwr_socket *socket)
{
	struct store *store = store_of(model);
	struct cwr_socket **link = &model->sockets, *before = NULL;

	while (*link != socket) {
		before = *link;
		link = &before->next;
	}
	*link = socket->next;
	if (store->last_socket == socket)
		store->last_socket = before;
}

static void take_creation(struct cwr_socket *to, const struct cwr_socket *from)
{
	if (to->created.t)
		return;
	to->created = from->created;
	to->creator = from->creator;
	to->site = from->site;
	to->role = from->role;
	to->is_by_number = true;
	if (!to->peer.family)
		to->peer = from->peer;
}

/* A holder that both know stays as it was. */
static void move_holders(struct cwr_model *model, struct cwr_socket *to, struct cwr_socket *from)
{
	struct cwr_holder *next;

	for (struct cwr_holder *h = from->holders; h; h = next) {
		next = h->next;
		h->next = NULL;
		h->socket = to;
		if (cwr_model_find_holder(model, to, h->process, h->fd)) {
			h->is_open = false;
			continue;
		}
		add_to_list(model, to, h);
	}
	from->holders = from->last_holder = NULL;
	from->nholders = 0;
}

void cwr_model_name_socket(struct cwr_model *model, struct cwr_socket *socket, uint64_t cookie)
{
	struct cwr_socket *known = cwr_model_find_socket(model, cookie);

	if (known == socket)
		return;
	if (known) {
		take_creation(known, socket);
		move_holders(model, known, socket);
		unlink_socket(model, socket);
		return;
	}
	socket->cookie = cookie;
	socket->is_by_number = true;
	cwr_map_put(&store_of(model)->by_cookie, cookie, socket);
}

/* The array doubles at every power of two, so its size need not be kept. */
static bool is_full(size_t n)
{
	return (n & (n - 1)) == 0;
}

void cwr_model_add_limit(struct cwr_model *model, struct cwr_process *process, const char *sentence)
{
	size_t n = process->nlimits;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(process->limits[i], sentence))
			return;
	if (is_full(n)) {
		const char **limits = cwr_model_alloc(model, (n ? 2 * n : 1) * sizeof(*limits));

		if (n)
			memcpy(limits, process->limits, n * sizeof(*limits));
		process->limits = limits;
	}
	process->limits[process->nlimits++] = cwr_model_strdup(model, sentence);
}

struct cwr_socket *cwr_model_find_socket(const struct cwr_model *model, uint64_t cookie)
{
	return cwr_map_find(&store_of(model)->by_cookie, cookie);
}

/* A process number may have been used before, or by the same process before exec. */
static bool is_newer(const struct cwr_process *a, const struct cwr_process *b)
{
	return a->start_ticks != b->start_ticks ? a->start_ticks > b->start_ticks
						: a->t_session >= b->t_session;
}

struct cwr_process *cwr_model_find_process(const struct cwr_model *model, pid_t pid)
{
	struct cwr_process *found = NULL;

	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->pid == pid && (!found || is_newer(p, found)))
			found = p;
	return found;
}

struct cwr_process *cwr_model_find_path(const struct cwr_model *model, const char *session_path)
{
	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->session_path && !strcmp(p->session_path, session_path))
			return p;
	return NULL;
}
