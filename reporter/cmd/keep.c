/* SPDX-License-Identifier: MIT */
/*
 * Kept testimony; see keep.h.  The session file itself holds what the shim could ask from inside;
 * this adds what can only be seen from outside: Recv-Q, and connections that wait to be accepted.
 */
#include "cmd/keep.h"

#include "model/arena.h"

#include <stdlib.h>

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
}

void cwr_keep_free(struct cwr_keep *keep)
{
	free(keep->entries);
	*keep = (struct cwr_keep){0};
}
