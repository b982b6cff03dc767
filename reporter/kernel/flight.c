/* SPDX-License-Identifier: MIT */
/*
 * Descriptors in flight: sent with SCM_RIGHTS (unix(7)) and not received yet, or never.  The kernel
 * has the socket open, and lists it with an inode number, while no process has it.
 */
#include "kernel/observer.h"

#include "kernel/proc.h"

static bool has_holder(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->is_open)
			return true;
	return false;
}

static struct cwr_process *sender_of(const struct cwr_socket *socket)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->passed.t)
			return h->process;
	return NULL;
}

static bool is_listed(const struct cwr_diag *diag, const struct cwr_socket *socket)
{
	const struct cwr_diag_row *row = cwr_diag_by_cookie(diag, socket->cookie);

	return row && row->inode;
}

static bool may_be_in_flight(const struct cwr_observer *observer, const struct cwr_socket *socket)
{
	return sender_of(socket) && !has_holder(socket) && is_listed(observer->diag, socket);
}

static bool is_any(const struct cwr_observer *observer)
{
	for (const struct cwr_socket *s = observer->model->sockets; s; s = s->next)
		if (may_be_in_flight(observer, s))
			return true;
	return false;
}

static void tell(struct cwr_model *model, struct cwr_socket *socket)
{
	char peer[64];
	const char *name = cwr_addr_format(&socket->peer, peer, sizeof(peer));

	socket->is_in_flight = true;
	cwr_model_add_limit(
		model, sender_of(socket),
		cwr_model_printf(model,
				 "the connection with %s, which it sent to another process, is in "
				 "flight: nobody has received it, or a process that may not be "
				 "looked at",
				 name ? name : "an unknown peer"));
}

/*
 * A receiver may have come, or the last holder gone, since the list was read.  So what the list
 * still has afterwards is looked for in /proc once more.
 */
void cwr_observe_flight(struct cwr_observer *observer)
{
	struct cwr_diag *later;
	struct cwr_error *error;

	if (!is_any(observer))
		return;
	error = cwr_diag_read(&later);
	if (!error) {
		cwr_census_renew(observer->census);
		cwr_observe_foreigners(observer);
	}
	for (struct cwr_socket *s = observer->model->sockets; s && !error; s = s->next)
		if (may_be_in_flight(observer, s) && is_listed(later, s))
			tell(observer->model, s);
	cwr_error_free(error);
	cwr_diag_free(later);
}
