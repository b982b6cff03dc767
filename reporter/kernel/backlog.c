/* SPDX-License-Identifier: MIT */
/*
 * Connections that wait in the queue of a listener and whose peers have hung up.  The kernel lists
 * them without an inode, because no descriptor has ever been made of them; the port tells the
 * listener.
 */
#include "kernel/observer.h"

#include "kernel/sockdiag.h"

#include <string.h>

/* A listener of a process of ours, and what the kernel says of it. */
struct listener {
	struct cwr_socket *socket;
	const struct cwr_diag_row *row;
};

struct search {
	struct cwr_observer *observer;
	size_t nlisteners;
	struct listener *listeners;
	const struct cwr_diag_row *row; /* of a connection that was not accepted */
	bool is_shared;			/* another program listens there as well */
};

static bool is_wildcard(const struct cwr_addr *addr)
{
	static const uint8_t none[16];

	return !memcmp(addr->ip, none, addr->family == AF_INET ? 4 : 16);
}

/* A listener of IPv6 may take IPv4 as well; its connections are then of its own family. */
static bool listens_for(const struct cwr_diag_row *listener, const struct cwr_diag_row *row)
{
	if (listener->state != CWR_TCP_LISTEN || listener->space != row->space ||
	    listener->local.port != row->local.port ||
	    listener->local.family != row->local.family || !listener->recv_q)
		return false;
	return is_wildcard(&listener->local) ||
	       !memcmp(listener->local.ip, row->local.ip, sizeof(row->local.ip));
}

static bool is_held(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->is_open && h->process->is_alive)
			return true;
	return false;
}

static void look_for_stranger(void *context, const struct cwr_diag_row *listener)
{
	struct search *search = context;
	const struct cwr_socket *socket;

	if (!listens_for(listener, search->row))
		return;
	socket = cwr_model_find_socket(search->observer->model, listener->cookie);
	search->is_shared |= !socket || !is_held(socket);
}

/*
 * Another program's listener on the same port (SO_REUSEPORT) has a queue, too: nothing tells in
 * which of them the connection waits.  Asked anew only where the address is another one.
 */
static bool may_be_anothers(struct search *search, const struct cwr_diag_row *row)
{
	if (search->row && search->row->space == row->space &&
	    !memcmp(&search->row->local, &row->local, sizeof(row->local)))
		return search->is_shared;
	search->row = row;
	search->is_shared = false;
	cwr_diag_each(search->observer->diag, look_for_stranger, search);
	return search->is_shared;
}

/* Of several listeners of ours on one port any with a queue will do. */
static struct cwr_socket *find_listener(const struct search *search, const struct cwr_diag_row *row)
{
	for (size_t i = 0; i < search->nlisteners; i++)
		if (listens_for(search->listeners[i].row, row))
			return search->listeners[i].socket;
	return NULL;
}

static void add(struct cwr_observer *observer, const struct cwr_diag_row *row,
		struct cwr_socket *listener)
{
	struct cwr_socket *socket = cwr_model_add_socket(observer->model, row->cookie);

	socket->listener = listener;
	socket->local = row->local;
	socket->peer = row->peer;
	socket->created = listener->created;
	socket->creator = listener->creator;
}

/*
 * In LAST_ACK and CLOSING, too, a socket has no inode, but there its owner has closed it
 * (RFC 9293, 3.3.2).
 */
static void visit(void *context, const struct cwr_diag_row *row)
{
	struct search *search = context;
	struct cwr_observer *observer = search->observer;
	struct cwr_socket *listener;

	if (row->inode || row->state != CWR_TCP_CLOSE_WAIT ||
	    cwr_model_find_socket(observer->model, row->cookie))
		return;
	listener = find_listener(search, row);
	if (listener && !may_be_anothers(search, row))
		add(observer, row, listener);
}

/* How many listeners are held; fills ret_listeners unless it is NULL. */
static size_t find_listeners(const struct cwr_observer *observer, struct listener *ret_listeners)
{
	size_t n = 0;

	for (struct cwr_socket *s = observer->model->sockets; s; s = s->next) {
		const struct cwr_diag_row *row = cwr_diag_by_cookie(observer->diag, s->cookie);

		if (!row || row->state != CWR_TCP_LISTEN || !is_held(s))
			continue;
		if (ret_listeners)
			ret_listeners[n] = (struct listener){s, row};
		n++;
	}
	return n;
}

void cwr_observe_backlogs(struct cwr_observer *observer)
{
	struct search search = {.observer = observer};
	size_t n = find_listeners(observer, NULL);

	search.listeners = cwr_model_alloc(observer->model, (n + 1) * sizeof(*search.listeners));
	search.nlisteners = find_listeners(observer, search.listeners);
	cwr_diag_each(observer->diag, visit, &search);
}
