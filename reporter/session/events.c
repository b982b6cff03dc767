/* SPDX-License-Identifier: MIT */
/*
 * The ring of events of a session: what happened to sockets beside their own descriptors.
 */
#include "session/loader.h"

#include <errno.h>
#include <stdlib.h>

/* Whoever read the end-of-file there then closed another number. */
static void read_wrong_close(struct cwr_loader *loader, const struct cw_event *event)
{
	const struct cwr_socket *socket = cwr_model_find_socket(loader->model, event->cookie);

	for (struct cwr_holder *h = socket ? socket->holders : NULL; h; h = h->next) {
		if (h->process != loader->process || !h->eof.t)
			continue;
		h->wrong_close = cwr_loader_mark_at(loader, event->t, event->stack, event->who,
						    loader->process->pid, event->fd);
		h->wrong_close.result = event->result;
	}
}

/* The ring forgets the oldest. */
static void read_exhaustion(struct cwr_loader *loader, const struct cw_event *event)
{
	struct cwr_mark *latest = &loader->process->exhausted;

	if (event->t <= latest->t)
		return;
	*latest = cwr_loader_mark_at(loader, event->t, event->stack, event->who,
				     loader->process->pid, -1);
	latest->result = event->result;
	loader->process->exhausted_listener =
		event->cookie ? cwr_model_find_socket(loader->model, event->cookie) : NULL;
}

void cwr_loader_read_events(struct cwr_loader *loader)
{
	bool is_damaged;
	size_t n;
	struct cw_event *events =
		cwr_session_section_read(loader->file, CW_SECTION_EVENTS, &n, &is_damaged);

	if (is_damaged)
		cwr_loader_say_damaged(loader, CW_SECTION_EVENTS);
	for (size_t i = 0; i < n; i++)
		if (events[i].cookie && (events[i].result == -EBADF || !events[i].result))
			read_wrong_close(loader, &events[i]);
		else if (events[i].result == -EMFILE || events[i].result == -ENFILE)
			read_exhaustion(loader, &events[i]);
	free(events);
}
