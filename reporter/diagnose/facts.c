/* SPDX-License-Identifier: MIT */
/*
 * Questions to the model that several rules ask; see facts.h.
 */
#include "diagnose/facts.h"

#include <string.h>

bool cwr_fact_is_ending(const struct cwr_process *process)
{
	return process->is_exiting || !process->is_alive;
}

/* Its own image before the exec may have made the socket; then it is the program's own. */
static bool is_heirloom(const struct cwr_holder *holder)
{
	return holder->via == CWR_VIA_FORK ||
	       (holder->via == CWR_VIA_EXEC && !holder->process->is_later_image);
}

bool cwr_fact_counts(const struct cwr_holder *holder)
{
	if (!holder->is_open)
		return false;
	return !is_heirloom(holder) || !cwr_fact_is_ending(holder->process);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t cwr_fact_last_touch(const struct cwr_holder *holder)
{
	return later(holder->eof.t, later(holder->shutdown.t, holder->last_use.t));
}

uint64_t cwr_fact_process_touch(const struct cwr_socket *socket, const struct cwr_process *process)
{
	uint64_t t = 0;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process)
			t = later(t, cwr_fact_last_touch(h));
	return t;
}

/* Of a use before the end-of-file the shim keeps the call, not the time. */
bool cwr_fact_process_used(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process &&
		    (cwr_fact_last_touch(h) || h->last_use.op || h->saw_reset))
			return true;
	return false;
}

bool cwr_fact_has_moved_data(const struct cwr_socket *socket)
{
	uint64_t queued = socket->recv_q > 0 ? (uint64_t)socket->recv_q : 0;

	if (socket->has_tcp_bytes && (socket->bytes_sent || socket->bytes_received > queued))
		return true;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (cwr_fact_last_touch(h) || h->last_use.op)
			return true;
	return false;
}

bool cwr_fact_is_tls_own(const struct cwr_mark *mark)
{
	return mark->t && mark->stack &&
	       (mark->stack->tls == CWR_TLS_READ || mark->stack->tls == CWR_TLS_HANDSHAKE ||
		mark->stack->tls == CWR_TLS_SHUTDOWN);
}

static bool is_goodbye(const struct cwr_mark *mark)
{
	return mark->t && mark->stack && mark->stack->tls == CWR_TLS_SHUTDOWN;
}

/* The end-of-file first: an alert may or may not follow it, according to whether the peer is there.
 */
const struct cwr_mark *cwr_fact_tls_goodbye(const struct cwr_holder *holder)
{
	const struct cwr_mark *marks[] = {&holder->eof, &holder->last_use, &holder->waited};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (is_goodbye(marks[i]))
			return holder->last_use.t > marks[i]->t &&
					       !cwr_fact_is_tls_own(&holder->last_use)
				       ? NULL
				       : marks[i];
	return NULL;
}

struct cwr_holder *cwr_fact_open_in(const struct cwr_socket *socket,
				    const struct cwr_process *process)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && cwr_fact_counts(h))
			return h;
	return NULL;
}

/* In a server that forks for every connection, the first child after the accept serves it. */
static bool is_first_child(const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	const struct cwr_fork *fork;

	if (!socket->creator || holder->via != CWR_VIA_FORK)
		return false;
	fork = cwr_fact_first_fork(socket->creator, socket->holders->fork_seq);
	return fork && fork->child == holder->process->pid;
}

struct cwr_holder *cwr_fact_server(const struct cwr_socket *socket)
{
	struct cwr_holder *best = NULL;

	for (struct cwr_holder *h = socket->holders; h; h = h->next) {
		if (!cwr_fact_counts(h))
			continue;
		if (!best || cwr_fact_last_touch(h) > cwr_fact_last_touch(best) ||
		    (!cwr_fact_last_touch(best) && is_first_child(socket, h)))
			best = h;
	}
	return best;
}

const struct cwr_holder *cwr_fact_eof_reader(const struct cwr_socket *socket)
{
	const struct cwr_holder *first = NULL;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->eof.t && (!first || h->eof.t < first->eof.t))
			first = h;
	return first;
}

/*
 * After shutdown(SHUT_RD) every read returns 0, whatever the peer does.  What is closed was probed
 * before.
 */
static bool tells_of_fin(const struct cwr_holder *holder)
{
	bool is_own_doing = holder->shut_rd && holder->shutdown.t <= holder->eof.t;

	return holder->saw_reset || (holder->eof.t && !is_own_doing) ||
	       (holder->closed.t && holder->probe.fin_seen);
}

bool cwr_fact_peer_closed(const struct cwr_socket *socket)
{
	if (socket->peer_has_closed || (socket->stood_s > 0 && !cwr_fact_server(socket)))
		return true;
	if (socket->is_confirmed && socket->state != CWR_TCP_UNKNOWN)
		return false;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (tells_of_fin(h))
			return true;
	return false;
}

static bool has_traffic(const struct cwr_socket *socket)
{
	if (socket->has_tcp_bytes && (socket->bytes_received || socket->bytes_sent))
		return true;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (cwr_fact_last_touch(h) || h->saw_reset)
			return true;
	return false;
}

bool cwr_fact_is_connection(const struct cwr_socket *socket)
{
	bool is_tcp =
		socket->state != CWR_TCP_UNKNOWN || socket->local.family || socket->peer.family;

	if (!is_tcp || socket->role == CWR_ROLE_PAIR || socket->state == CWR_TCP_LISTEN)
		return false;
	/* A new socket, or one whose connect() failed, is in state CLOSE as well. */
	if (socket->role == CWR_ROLE_SOCKET || socket->role == CWR_ROLE_CONNECTED ||
	    socket->role == CWR_ROLE_UNKNOWN)
		return socket->state != CWR_TCP_CLOSE || has_traffic(socket);
	return true;
}

bool cwr_fact_same_site(const struct cwr_socket *a, const struct cwr_socket *b)
{
	const struct cwr_stack *one = a->created.stack, *other = b->created.stack;

	return one && other && one->process == other->process && a->creator == b->creator &&
	       one->nips && other->nips && one->ips[0] == other->ips[0] &&
	       (a->role != CWR_ROLE_ACCEPTED || a->local.port == b->local.port);
}

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* The four bytes of an IPv4 address, also of one as an IPv6 socket has it (RFC 4291, 2.5.5.2). */
static const uint8_t *ipv4_of(const struct cwr_addr *addr)
{
	if (addr->family == AF_INET)
		return addr->ip;
	return memcmp(addr->ip, mapped, sizeof(mapped)) ? NULL : addr->ip + sizeof(mapped);
}

static bool is_same_address(const struct cwr_addr *a, const struct cwr_addr *b)
{
	const uint8_t *one, *other;

	if (!a->family || !b->family || a->port != b->port)
		return false;
	one = ipv4_of(a);
	other = ipv4_of(b);
	if (one || other)
		return one && other && !memcmp(one, other, 4);
	return !memcmp(a->ip, b->ip, sizeof(a->ip));
}

bool cwr_fact_is_other_end(const struct cwr_socket *a, const struct cwr_socket *b)
{
	return a != b && is_same_address(&a->local, &b->peer) &&
	       is_same_address(&a->peer, &b->local);
}

uint64_t cwr_fact_known_until(const struct cwr_model *model, const struct cwr_process *process)
{
	if (process->is_alive)
		return model->now;
	return process->t_exit;
}

double cwr_fact_fin_age(const struct cwr_model *model, const struct cwr_socket *socket,
			const struct cwr_process *process)
{
	const struct cwr_holder *reader = cwr_fact_eof_reader(socket);
	uint64_t until = cwr_fact_known_until(model, process);
	double age = socket->fin_age_s;

	/* The kernel's figure starts anew when the peer acknowledges what was sent since. */
	if (reader && until >= reader->eof.t && (double)(until - reader->eof.t) / 1e9 > age)
		age = (double)(until - reader->eof.t) / 1e9;
	return age;
}

const struct cwr_fork *cwr_fact_first_fork(const struct cwr_process *process, uint32_t seq)
{
	for (size_t i = 0; i < process->nforks; i++)
		if (process->forks[i].seq > seq && process->forks[i].child)
			return &process->forks[i];
	return NULL;
}

static const struct cwr_fork *fork_by_seq(const struct cwr_process *process, uint32_t seq)
{
	for (size_t i = 0; i < process->nforks; i++)
		if (process->forks[i].seq == seq)
			return &process->forks[i];
	return NULL;
}

static const struct cwr_fork *fork_by_child(const struct cwr_process *process, pid_t child,
					    uint32_t seq)
{
	const struct cwr_fork *latest = NULL; /* process numbers are used again */

	for (size_t i = 0; i < process->nforks; i++)
		if (process->forks[i].child == child && process->forks[i].seq > seq)
			latest = &process->forks[i];
	return latest;
}

const struct cwr_fork *cwr_fact_fork_to(const struct cwr_process *ancestor,
					const struct cwr_process *child, uint32_t seq)
{
	const struct cwr_process *p = child;
	int generations = 0;

	while (p->parent && p->parent != ancestor && generations++ < CWR_GENERATIONS_MAX)
		p = p->parent;
	if (p->parent && p->parent_fork_seq > seq && fork_by_seq(ancestor, p->parent_fork_seq))
		return fork_by_seq(ancestor, p->parent_fork_seq);
	return fork_by_child(ancestor, p->pid, seq);
}
