/* SPDX-License-Identifier: MIT */
/*
 * The sockets of a session: its slots, the cache of those that were closed while a forked copy was
 * about, and the notes that descendants without a session left in both.
 *
 * A forked child that gets a session starts from its parent's table, with copies of the stacks.
 * What such a slot says of the time before the child's session began was the parent's doing.  If
 * the parent's own session is there, it has the last word on where the socket was created.
 */
#include "session/loader.h"

#include <string.h>

static struct cwr_addr address(const struct cw_slot *slot, const uint8_t *ip, uint16_t port)
{
	struct cwr_addr addr = {0};

	if ((slot->family != AF_INET && slot->family != AF_INET6) || !port)
		return addr;
	addr.family = slot->family;
	addr.port = port;
	memcpy(addr.ip, ip, slot->family == AF_INET ? 4 : 16);
	return addr;
}

static enum cwr_role role_of(const struct cw_slot *slot)
{
	return slot->role <= CW_ROLE_RECEIVED ? (enum cwr_role)slot->role : CWR_ROLE_UNKNOWN;
}

static bool came_from_outside(enum cwr_role role)
{
	return role == CWR_ROLE_UNKNOWN || role == CWR_ROLE_INHERITED || role == CWR_ROLE_RECEIVED;
}

/* The creating call was made in this process and since this session began. */
static bool is_own_creation(const struct cwr_loader *loader, const struct cw_slot *slot)
{
	const struct cw_session_header *header = &loader->file->header;

	return slot->created.tick && !came_from_outside(role_of(slot)) &&
	       slot->via != CW_VIA_FORK &&
	       (!header->from_fork || CW_MARK_T(slot->created) >= header->t_forked);
}

static void note_creation(struct cwr_loader *loader, struct cwr_socket *socket,
			  struct cwr_holder *holder, const struct cw_slot *slot)
{
	if (!is_own_creation(loader, slot)) {
		if (!socket->created.t)
			socket->created = cwr_loader_mark(
				loader, &slot->created, loader->file->header.parent_pid, slot->fd);
		return;
	}
	if (socket->creator == loader->process && slot->via == CW_VIA_DUP) {
		holder->is_creator = true;
		return;
	}
	cwr_model_set_creator(socket, holder);
	socket->created = cwr_loader_mark(loader, &slot->created, loader->process->pid, slot->fd);
	socket->site = cwr_loader_site(loader, slot->created.stack);
}

static void fill_socket(struct cwr_socket *socket, const struct cw_slot *slot)
{
	if (came_from_outside(socket->role) && slot->role != CW_ROLE_UNKNOWN)
		socket->role = role_of(slot);
	if (!socket->local.family)
		socket->local = address(slot, slot->local, slot->local_port);
	if (!socket->peer.family)
		socket->peer = address(slot, slot->peer, slot->peer_port);
}

static struct cwr_probe probe_of(const struct cw_probe *from, uint64_t t_probe)
{
	struct cwr_probe probe = {
		.cloexec = -1,
		.fin_age_s = -1,
		.recv_q = -1,
		.unread = -1,
		.unsent = -1,
	};

	if (!from->flags)
		return probe;
	probe.t = t_probe;
	probe.is_confirmed = from->flags & CW_PROBE_CONFIRMED;
	probe.fin_seen = from->flags & CW_PROBE_FIN_SEEN;
	probe.cloexec = !!(from->flags & CW_PROBE_CLOEXEC);
	probe.state = from->tcp_state <= CWR_TCP_CLOSING ? (enum cwr_tcp_state)from->tcp_state
							 : CWR_TCP_UNKNOWN;
	if (probe.fin_seen)
		probe.fin_age_s = from->fin_age_ms / 1000.0;
	if (from->flags & CW_PROBE_HAS_QUEUES) {
		probe.unread = from->unread;
		probe.unsent = from->unsent;
	}
	return probe;
}

static bool is_open(const struct cw_slot *slot)
{
	return slot->flags & (CW_SLOT_LIVE | CW_SLOT_CLOSED_AT_EXIT);
}

/* What this process did itself, as far as it has been recorded here. */
static struct cwr_mark own_mark(struct cwr_loader *loader, const struct cw_mark *mark, int fd)
{
	if (CW_MARK_T(*mark) < loader->file->header.t_start)
		return (struct cwr_mark){.fd = -1};
	return cwr_loader_mark(loader, mark, loader->process->pid, fd);
}

static void fill_flags(struct cwr_holder *holder, const struct cw_slot *slot)
{
	holder->is_open = is_open(slot);
	holder->cloexec = !!(slot->flags & CW_SLOT_CLOEXEC);
	holder->closed_at_exit = slot->flags & CW_SLOT_CLOSED_AT_EXIT;
	holder->shut_rd = slot->flags & CW_SLOT_SHUT_RD;
	holder->shut_wr = slot->flags & CW_SLOT_SHUT_WR;
	holder->saw_reset = slot->flags & CW_SLOT_RESET;
	holder->turns = slot->turns < CW_TURNS_MAX ? slot->turns : CW_TURNS_MAX;
	holder->speaks_tls = slot->wrote == CW_WROTE_HANDSHAKE || slot->wrote == CW_WROTE_ALERT;
}

/*
 * Of a use before the end-of-file only the thread and the call are known, not when.  In a forked
 * child's session it may have been the parent's.
 */
static struct cwr_mark untimed_use(const struct cwr_loader *loader, const struct cw_slot *slot)
{
	uint32_t function = CW_WHO_FN(slot->last.who);

	if (!slot->last.who || slot->last.tick || slot->via == CW_VIA_FORK ||
	    function >= loader->nfunctions)
		return (struct cwr_mark){.fd = -1};
	return (struct cwr_mark){
		.pid = loader->process->pid,
		.tid = (pid_t)CW_WHO_ID(slot->last.who),
		.fd = slot->fd,
		.op = loader->functions[function],
	};
}

/* A child announced by a note has marks already, from before it had a session. */
static void fill_mark(struct cwr_mark *mark, struct cwr_mark own)
{
	if (own.t)
		*mark = own;
}

static void fill_holder(struct cwr_loader *loader, struct cwr_holder *holder,
			const struct cw_slot *slot)
{
	fill_flags(holder, slot);
	holder->via = slot->via <= CW_VIA_PASSED ? (enum cwr_via)slot->via : CWR_VIA_UNKNOWN;
	holder->fork_seq = slot->fork_seq;
	holder->probe = probe_of(&slot->probe, loader->file->header.t_probe);
	fill_mark(&holder->via_mark, own_mark(loader, &slot->via_mark, slot->from_fd));
	fill_mark(&holder->eof, own_mark(loader, &slot->eof, slot->fd));
	fill_mark(&holder->shutdown, own_mark(loader, &slot->shutdown, slot->fd));
	fill_mark(&holder->last_use, own_mark(loader, &slot->last, slot->fd));
	if (!holder->last_use.t)
		holder->last_use = untimed_use(loader, slot);
	fill_mark(&holder->waited, own_mark(loader, &slot->waited, slot->fd));
	fill_mark(&holder->unpolled, own_mark(loader, &slot->unpolled, slot->fd));
	fill_mark(&holder->passed, own_mark(loader, &slot->passed, slot->fd));
	fill_mark(&holder->closed, own_mark(loader, &slot->closed, slot->fd));
}

/*
 * The fork that a note speaks of.  The ring of forks may have forgotten it; then its time is only
 * known to lie before the first thing that the child did.
 */
static struct cwr_mark fork_mark(struct cwr_loader *loader, const struct cw_note *note,
				 uint32_t fork_seq)
{
	const struct cwr_process *process = loader->process;
	struct cwr_mark mark = {.pid = process->pid, .fd = -1, .op = "fork"};

	for (size_t i = 0; fork_seq && i < process->nforks; i++)
		if (process->forks[i].seq == fork_seq)
			return process->forks[i].mark;
	mark.t = note->eof.tick && (!note->closed.tick || note->eof.tick < note->closed.tick)
			 ? CW_MARK_T(note->eof)
			 : CW_MARK_T(note->closed);
	mark.stack = cwr_loader_stack(loader, note->fork_stack);
	return mark;
}

/* The note is of a descendant that was sent the socket. */
static bool was_received(const struct cw_slot *slot)
{
	return slot->passed.tick && !slot->note.fork_seq;
}

static struct cwr_holder *note_holder(struct cwr_loader *loader, struct cwr_socket *socket,
				      const struct cw_slot *slot, const struct cwr_mark *mark,
				      uint32_t fork_seq)
{
	struct cwr_process *child =
		cwr_join_descendant(loader->model, loader->process, mark->pid, fork_seq);
	struct cwr_holder *holder = cwr_model_find_holder(loader->model, socket, child, slot->fd);

	if (holder)
		return holder;
	holder = cwr_model_add_holder(loader->model, socket, child, slot->fd);
	holder->via = was_received(slot) ? CWR_VIA_PASSED : CWR_VIA_FORK;
	if (!was_received(slot))
		holder->via_mark = fork_mark(loader, &slot->note, fork_seq);
	return holder;
}

static void keep(struct cwr_mark *mark, const struct cwr_mark *candidate)
{
	if (!mark->t)
		*mark = *candidate;
}

static void read_note(struct cwr_loader *loader, struct cwr_socket *socket,
		      const struct cw_slot *slot)
{
	const struct cw_note *note = &slot->note;
	struct cwr_mark eof = cwr_loader_mark(loader, &note->eof, 0, slot->fd);
	struct cwr_mark closed = cwr_loader_mark(loader, &note->closed, 0, slot->fd);
	bool closed_last = note->closed.tick >= note->eof.tick;
	struct cwr_holder *holder;

	if (note->cookie_lo != (uint32_t)slot->cookie)
		return;
	if (eof.t && eof.pid) {
		bool wrote_last = !closed_last || eof.pid == closed.pid;

		holder = note_holder(loader, socket, slot, &eof, wrote_last ? note->fork_seq : 0);
		keep(&holder->eof, &eof);
	}
	if (closed.t && closed.pid) {
		bool wrote_last = closed_last || eof.pid == closed.pid;
		bool is_shutdown = closed.op && !strcmp(closed.op, "shutdown");

		holder =
			note_holder(loader, socket, slot, &closed, wrote_last ? note->fork_seq : 0);
		keep(is_shutdown ? &holder->shutdown : &holder->closed, &closed);
	}
}

static bool has_note(const struct cw_slot *slot)
{
	return slot->note.cookie_lo == (uint32_t)slot->cookie &&
	       (slot->note.eof.tick || slot->note.closed.tick);
}

static void read_slot(struct cwr_loader *loader, const struct cw_slot *slot)
{
	struct cwr_socket *socket = cwr_model_find_socket(loader->model, slot->cookie);
	struct cwr_holder *holder;

	if (!socket)
		socket = cwr_model_add_socket(loader->model, slot->cookie);
	holder = cwr_model_find_holder(loader->model, socket, loader->process, slot->fd);
	if (!holder)
		holder = cwr_model_add_holder(loader->model, socket, loader->process, slot->fd);
	fill_socket(socket, slot);
	fill_holder(loader, holder, slot);
	note_creation(loader, socket, holder, slot);
	read_note(loader, socket, slot);
}

/* A slot whose socket was closed and leaves nothing to tell is skipped. */
static void visit_slot(void *context, size_t index, const struct cw_slot *from)
{
	struct cwr_loader *loader = context;
	struct cw_slot slot = *from;

	slot.fd = (int32_t)index;
	if (!is_open(&slot) && !slot.closed.tick && !has_note(&slot))
		return;
	if (slot.flags & CW_SLOT_LIVE)
		loader->process->tracked++;
	read_slot(loader, &slot);
}

/*
 * A descriptor that is open again under the same number is told by its slot, read before; one that
 * was closed again since, by the later entry.
 */
static bool is_told_since(const struct cwr_loader *loader, const struct cw_slot *slot)
{
	const struct cwr_socket *socket = cwr_model_find_socket(loader->model, slot->cookie);
	const struct cwr_holder *holder =
		socket ? cwr_model_find_holder(loader->model, socket, loader->process, slot->fd)
		       : NULL;

	return holder && (holder->is_open || holder->closed.t > CW_MARK_T(slot->closed));
}

/* Sent away, closed, and sent back to the same number: it was made here nevertheless. */
static void read_origin(struct cwr_loader *loader, const struct cw_slot *slot)
{
	struct cwr_socket *socket = cwr_model_find_socket(loader->model, slot->cookie);
	struct cwr_holder *holder =
		cwr_model_find_holder(loader->model, socket, loader->process, slot->fd);

	fill_socket(socket, slot);
	note_creation(loader, socket, holder, slot);
}

static void visit_handed(void *context, size_t index, const struct cw_slot *from)
{
	struct cw_slot slot = *from;

	slot.flags &= (uint8_t) ~(CW_SLOT_LIVE | CW_SLOT_CLOSED_AT_EXIT);
	if (slot.fd < 0)
		return;
	if (is_told_since(context, &slot))
		read_origin(context, &slot);
	else
		read_slot(context, &slot);
}

void cwr_loader_read_earlier(struct cwr_loader *loader, const struct cw_slot *from)
{
	const struct cwr_socket *socket = cwr_model_find_socket(loader->model, from->cookie);
	struct cw_slot slot = *from;

	if (socket && cwr_model_find_holder(loader->model, socket, loader->process, slot.fd))
		return;
	slot.flags &= (uint8_t) ~(CW_SLOT_LIVE | CW_SLOT_CLOSED_AT_EXIT);
	read_slot(loader, &slot);
}

static void walk(struct cwr_loader *loader, enum cw_section_id id, cwr_slot_visitor *visit)
{
	struct cwr_slot_walk walk = cwr_session_walk_slots(loader->file, id, visit, loader);

	if (walk.is_damaged)
		cwr_loader_say_damaged(loader, id);
	if (walk.torn)
		cwr_model_add_limit(
			loader->model, loader->process,
			cwr_model_printf(loader->model,
					 "%zu sockets are left out: they were being written",
					 walk.torn));
}

void cwr_loader_read_sockets(struct cwr_loader *loader)
{
	walk(loader, CW_SECTION_SLOTS, visit_slot);
	walk(loader, CW_SECTION_LATEST, visit_handed);
	walk(loader, CW_SECTION_HANDED, visit_handed);
}
