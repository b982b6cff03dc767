/* SPDX-License-Identifier: MIT */
/*
 * The state, the queues and the end-of-file of each socket: from the kernel's list, else from the
 * descriptor itself (confirm.c), else, where no living process holds it, from what was probed
 * before its holder ended.
 */
#include "kernel/observer.h"

#include "model/calls.h"

#include <math.h>
#include <string.h>

/* Only a word of the kernel that was spoken at the very end holds for what came after. */
static bool is_last_word(const struct cwr_holder *holder)
{
	const struct cwr_process *process = holder->process;

	if (!holder->probe.t || process->is_alive)
		return false;
	return holder->probe.is_last || (process->t_exit && holder->probe.t >= process->t_exit);
}

static double seconds_between(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e9 : 0;
}

/* What was an age when the list was taken is so much older now. */
static double age_now(const struct cwr_observer *observer, double age_s)
{
	return age_s < 0 ? age_s
			 : age_s + seconds_between(observer->t_listed, observer->model->now);
}

static void take_row(const struct cwr_observer *observer, struct cwr_socket *socket,
		     const struct cwr_diag_row *row)
{
	socket->state = row->state;
	socket->recv_q = row->recv_q;
	socket->send_q = row->send_q;
	if (!socket->local.family)
		socket->local = row->local;
	if (!socket->peer.family)
		socket->peer = row->peer;
	socket->fin_age_s = row->info.is_known ? age_now(observer, row->info.last_ack_s) : -1;
	socket->idle_s = row->info.is_known ? age_now(observer, row->info.idle_s) : -1;
	/* While something is not acknowledged, what was sent last may have been sent again. */
	socket->has_sent_age = row->info.is_known && row->info.bytes_sent && !row->send_q;
	socket->sent_age_s = age_now(observer, row->info.sent_s);
	socket->received_age_s =
		row->info.bytes_received ? age_now(observer, row->info.received_s) : -1;
	socket->has_tcp_bytes = row->info.has_bytes;
	socket->bytes_received = row->info.bytes_received;
	socket->bytes_sent = row->info.bytes_sent;
}

static void take_probe(struct cwr_socket *socket, const struct cwr_probe *probe)
{
	socket->state = probe->state;
	socket->recv_q = probe->recv_q;
	socket->unread = probe->unread;
	socket->send_q = probe->unsent;
	socket->fin_age_s = probe->fin_age_s;
	if (!probe->is_kept)
		return;
	socket->idle_s = probe->idle_s;
	socket->has_tcp_bytes = probe->has_tcp_bytes;
	socket->bytes_received = probe->bytes_received;
	socket->bytes_sent = probe->bytes_sent;
	socket->is_read_unseen = probe->is_read_unseen;
	socket->has_goodbye = probe->has_goodbye;
}

/* Dead processes' holders: their last word, if they had one. */
static void take_last_words(struct cwr_socket *socket)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next) {
		if (!h->is_open || !is_last_word(h))
			continue;
		h->is_confirmed = h->probe.is_confirmed;
		if (h->probe.cloexec >= 0)
			h->cloexec = h->probe.cloexec;
		if (socket->state == CWR_TCP_UNKNOWN)
			take_probe(socket, &h->probe);
	}
}

/*
 * The end of a process closes what it had open.  Where nobody is left to hold the socket, what its
 * holders had open at their end is what there is to tell; else those who are left tell it.
 */
static void close_what_the_dead_held(struct cwr_socket *socket)
{
	bool is_held = false;

	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		is_held |= h->is_open && h->is_confirmed && h->process->is_alive;
	for (struct cwr_holder *h = socket->holders; h && is_held; h = h->next)
		if (!h->process->is_alive)
			h->is_open = false;
}

/* A living holder that may not be looked at, or that can say more than the list does. */
static void take_living_probe(struct cwr_socket *socket)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next) {
		if (!h->is_open || !h->process->is_alive || !h->probe.t)
			continue;
		if (socket->state == CWR_TCP_UNKNOWN)
			take_probe(socket, &h->probe);
		else if (socket->unread < 0 && socket->state == h->probe.state)
			socket->unread = h->probe.unread;
	}
}

static const struct cwr_mark *find_eof(const struct cwr_socket *socket)
{
	const struct cwr_mark *first = NULL;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->eof.t && (!first || h->eof.t < first->t))
			first = &h->eof;
	return first;
}

static bool is_any_confirmed(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->is_confirmed && h->is_open)
			return true;
	return false;
}

/*
 * State CLOSE is that of a socket never connected, of one that was reset, and of one where both
 * ends have closed.  A client whose connect() failed never had a peer.
 */
static bool was_connected(const struct cwr_socket *socket)
{
	if (!socket->peer.family)
		return socket->role == CWR_ROLE_ACCEPTED;
	return socket->role != CWR_ROLE_CONNECTED || !socket->has_tcp_bytes ||
	       socket->bytes_received || socket->bytes_sent || find_eof(socket);
}

static bool has_peer_closed(const struct cwr_socket *socket)
{
	if (socket->state == CWR_TCP_UNKNOWN)
		return find_eof(socket) != NULL;
	if (socket->state == CWR_TCP_CLOSE)
		return was_connected(socket);
	return cwr_tcp_fin_seen(socket->state);
}

/*
 * The last data was answered, so it had been read, and the end-of-file came alone: whoever took it
 * got 0.  If the last call that was seen is the answer, another one did that: a stream's, inside
 * libc, or one of io_uring.  An answer to a peer that had closed would have been reset.
 */
static bool was_read_unseen(const struct cwr_socket *socket)
{
	if (!socket->has_sent_age || socket->received_age_s < socket->sent_age_s)
		return false;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->last_use.op &&
		    (!cwr_call_sends(h->last_use.op) || !strcmp(h->last_use.op, "splice")))
			return false; /* splice() may have read */
	return true;
}

/* An answer follows its question sooner, and what a server says at the end is short. */
#define UNASKED_S   0.2
#define TOGETHER_S  1
#define GOODBYE_MAX 2048

/*
 * Before it hangs up, a server may say why ("terminating connection", "408 Request Timeout", "*
 * BYE"). The program had read what it had asked for, and nothing moved for a while.
 */
static bool is_goodbye(const struct cwr_socket *socket)
{
	if (socket->recv_q < 2 || socket->recv_q > GOODBYE_MAX || !socket->has_sent_age ||
	    socket->received_age_s < 0 || find_eof(socket))
		return false;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->is_open && (!h->last_use.op || cwr_call_sends(h->last_use.op)))
			return false;
	return socket->sent_age_s > socket->received_age_s + UNASKED_S &&
	       fabs(socket->received_age_s - socket->fin_age_s) < TOGETHER_S;
}

static void judge_goodbye(struct cwr_socket *socket)
{
	if (socket->state != CWR_TCP_CLOSE_WAIT || !is_goodbye(socket))
		return;
	socket->has_goodbye = true;
	socket->idle_s = socket->sent_age_s;
}

static enum cwr_eof judge_eof(const struct cwr_socket *socket)
{
	if (find_eof(socket))
		return CWR_EOF_READ;
	if (socket->state != CWR_TCP_UNKNOWN && !socket->peer_has_closed)
		return CWR_EOF_NONE;
	if (!socket->peer_has_closed || socket->recv_q < 0)
		return CWR_EOF_UNKNOWN;
	if (socket->recv_q > 0)
		return CWR_EOF_PENDING;
	if (socket->state != CWR_TCP_CLOSE_WAIT)
		return CWR_EOF_UNKNOWN;
	return socket->is_read_unseen ? CWR_EOF_READ : CWR_EOF_SWALLOWED;
}

/*
 * The FIN came before anybody read it: a lower bound.  The kernel's word is one too, because each
 * later segment of the peer sets its clock back.
 */
static double age_by_history(const struct cwr_observer *observer, const struct cwr_socket *socket)
{
	const struct cwr_mark *eof = find_eof(socket);
	const struct cwr_process *process;

	if (!eof)
		return -1;
	process = socket->holders->process;
	if (process->is_alive)
		return seconds_between(eof->t, observer->model->now);
	return process->t_exit ? seconds_between(eof->t, process->t_exit) : -1;
}

static void judge(const struct cwr_observer *observer, struct cwr_socket *socket)
{
	const struct cwr_diag_row *row = cwr_diag_by_cookie(observer->diag, socket->cookie);

	socket->is_read_unseen = socket->has_goodbye = false;
	if (row && (row->inode || socket->listener))
		take_row(observer, socket, row);
	close_what_the_dead_held(socket);
	take_last_words(socket);
	take_living_probe(socket);
	socket->is_confirmed = socket->listener || is_any_confirmed(socket);
	socket->peer_has_closed = has_peer_closed(socket);
	socket->is_read_unseen |= was_read_unseen(socket);
	judge_goodbye(socket);
	socket->eof = judge_eof(socket);
	socket->fin_age_s = !socket->peer_has_closed
				    ? -1
				    : fmax(socket->fin_age_s, age_by_history(observer, socket));
}

void cwr_observe_facts(struct cwr_observer *observer)
{
	for (struct cwr_socket *s = observer->model->sockets; s; s = s->next)
		judge(observer, s);
}
