/* SPDX-License-Identifier: MIT */
/*
 * Kept testimony; see keep.h.  The session file itself holds what the shim could ask from inside;
 * this adds what can only be seen from outside: Recv-Q, what its threads waited for, and
 * connections that wait to be accepted.
 */
#include "cmd/keep.h"

#include "model/arena.h"

#include <stdlib.h>
#include <string.h>

/* Process number and start of the session name the image; descriptor and cookie the holding. */
struct cwr_kept {
	pid_t pid;
	uint64_t t_session;
	int fd;
	uint64_t cookie;
	struct cwr_probe probe;
	uint64_t waiting; /* cookie of a connection in the queue of this listener; 0: it is none */
	struct cwr_addr local, peer; /* of that connection; probe is the connection's, too */
};

/* What the threads of a process did when it had entered exit. */
struct cwr_kept_waits {
	pid_t pid;
	uint64_t t_session, t;
	size_t nthreads, nwatches;
	struct cwr_thread *threads;
	struct cwr_watch *watches;
	bool watches_known;
	uint64_t nfds, fd_limit;
};

static struct cwr_probe probe_of(const struct cwr_model *model, const struct cwr_socket *socket,
				 const struct cwr_holder *holder)
{
	return (struct cwr_probe){
		.t = model->now,
		.is_confirmed = holder->is_confirmed,
		.fin_seen = socket->peer_has_closed,
		.cloexec = holder->cloexec,
		.state = socket->state,
		.fin_age_s = socket->fin_age_s,
		.recv_q = socket->recv_q,
		.unread = socket->unread,
		.unsent = socket->send_q,
		.is_kept = true,
		.has_tcp_bytes = socket->has_tcp_bytes,
		.is_read_unseen = socket->is_read_unseen,
		.has_goodbye = socket->has_goodbye,
		.idle_s = socket->idle_s,
		.bytes_received = socket->bytes_received,
		.bytes_sent = socket->bytes_sent,
	};
}

static struct cwr_kept *add(struct cwr_keep *keep, const struct cwr_model *model,
			    const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	keep->entries = realloc(keep->entries, (keep->n + 1) * sizeof(*keep->entries));
	if (!keep->entries)
		cwr_out_of_memory();
	keep->entries[keep->n++] = (struct cwr_kept){
		.pid = holder->process->session_pid,
		.t_session = holder->process->t_session,
		.fd = holder->fd,
		.cookie = holder->socket->cookie,
		.probe = probe_of(model, socket, holder),
	};
	return &keep->entries[keep->n - 1];
}

static void add_waiting(struct cwr_keep *keep, const struct cwr_model *model,
			const struct cwr_socket *socket, const struct cwr_holder *listener)
{
	struct cwr_kept *kept = add(keep, model, socket, listener);

	kept->waiting = socket->cookie;
	kept->local = socket->local;
	kept->peer = socket->peer;
}

static void *copy_of(const void *items, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		cwr_out_of_memory();
	if (size)
		memcpy(copy, items, size);
	return copy;
}

static void add_waits(struct cwr_keep *keep, const struct cwr_model *model,
		      const struct cwr_process *process)
{
	struct cwr_kept_waits *kept;

	keep->waits = realloc(keep->waits, (keep->nwaits + 1) * sizeof(*keep->waits));
	if (!keep->waits)
		cwr_out_of_memory();
	kept = &keep->waits[keep->nwaits++];
	*kept = (struct cwr_kept_waits){
		.pid = process->session_pid,
		.t_session = process->t_session,
		.t = model->now,
		.nthreads = process->nthreads,
		.nwatches = process->nwatches,
		.threads = copy_of(process->threads, process->nthreads * sizeof(*kept->threads)),
		.watches = copy_of(process->watches, process->nwatches * sizeof(*kept->watches)),
		.watches_known = process->watches_known,
		.nfds = process->nfds,
		.fd_limit = process->fd_limit,
	};
	for (size_t i = 0; i < kept->nthreads; i++)
		kept->threads[i].wchan = NULL; /* the model's, which will be gone */
}

void cwr_keep_add(struct cwr_keep *keep, const struct cwr_model *model, const char *path)
{
	const struct cwr_process *process = cwr_model_find_path(model, path);

	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		const struct cwr_socket *held = s->listener ? s->listener : s;

		for (const struct cwr_holder *h = held->holders; h; h = h->next) {
			if (h->process != process || !h->is_open || s->state == CWR_TCP_UNKNOWN)
				continue;
			else if (s->listener)
				add_waiting(keep, model, s, h);
			else
				add(keep, model, s, h);
		}
	}
	if (process && (process->nthreads || process->nfds))
		add_waits(keep, model, process);
}

static bool is_about(const struct cwr_kept *kept, const struct cwr_holder *holder)
{
	return kept->fd == holder->fd && kept->pid == holder->process->session_pid &&
	       kept->t_session == holder->process->t_session;
}

/* Unless another process, which lives on, has the listener too: then the kernel will tell. */
static void restore_waiting(struct cwr_model *model, const struct cwr_kept *kept,
			    struct cwr_socket *listener)
{
	struct cwr_socket *socket;

	for (const struct cwr_holder *h = listener->holders; h; h = h->next)
		if (h->is_open && h->process->session_pid != kept->pid)
			return;
	if (cwr_model_find_socket(model, kept->waiting))
		return;
	socket = cwr_model_add_socket(model, kept->waiting);
	socket->listener = listener;
	socket->created = listener->created;
	socket->creator = listener->creator;
	socket->local = kept->local;
	socket->peer = kept->peer;
	socket->state = kept->probe.state;
	socket->recv_q = kept->probe.recv_q;
	socket->unread = kept->probe.unread;
	socket->send_q = kept->probe.unsent;
	socket->fin_age_s = kept->probe.fin_age_s;
}

static void restore_waits(struct cwr_model *model, const struct cwr_kept_waits *kept,
			  struct cwr_process *process)
{
	process->threads = cwr_model_alloc(model, (kept->nthreads + 1) * sizeof(*process->threads));
	process->watches = cwr_model_alloc(model, (kept->nwatches + 1) * sizeof(*process->watches));
	memcpy(process->threads, kept->threads, kept->nthreads * sizeof(*process->threads));
	memcpy(process->watches, kept->watches, kept->nwatches * sizeof(*process->watches));
	process->nthreads = kept->nthreads;
	process->nwatches = kept->nwatches;
	process->watches_known = kept->watches_known;
	process->nfds = kept->nfds;
	process->fd_limit = kept->fd_limit;
	process->is_exiting = true;
	process->t_looked_at = kept->t;
}

/* Of one that lives on, or has become another program, the kernel is asked. */
static void apply_waits(const struct cwr_keep *keep, struct cwr_model *model)
{
	for (size_t i = 0; i < keep->nwaits; i++)
		for (struct cwr_process *p = model->processes; p; p = p->next)
			if (p->session_pid == keep->waits[i].pid &&
			    p->t_session == keep->waits[i].t_session && p->t_exit)
				restore_waits(model, &keep->waits[i], p);
}

void cwr_keep_apply(const struct cwr_keep *keep, struct cwr_model *model)
{
	for (size_t i = 0; i < keep->n; i++) {
		const struct cwr_kept *kept = &keep->entries[i];
		struct cwr_socket *socket = cwr_model_find_socket(model, kept->cookie);

		for (struct cwr_holder *h = socket ? socket->holders : NULL; h; h = h->next)
			if (!is_about(kept, h))
				continue;
			else if (kept->waiting)
				restore_waiting(model, kept, socket);
			else
				h->probe = kept->probe;
	}
	apply_waits(keep, model);
}

void cwr_keep_free(struct cwr_keep *keep)
{
	for (size_t i = 0; i < keep->nwaits; i++) {
		free(keep->waits[i].threads);
		free(keep->waits[i].watches);
	}
	free(keep->waits);
	free(keep->entries);
	*keep = (struct cwr_keep){0};
}
