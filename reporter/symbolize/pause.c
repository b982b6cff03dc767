/* SPDX-License-Identifier: MIT */
/*
 * A library that pauses reading takes the socket out of its set, as it does before a close; see
 * pause.h.  The function that the program called tells one from the other.
 */
#include "symbolize/pause.h"

#include <string.h>

#include "symbolize/known.h"
#include "symbolize/object.h"

/* `is_caller`: only as the caller of what called epoll_ctl(). */
struct pause {
	const char *name;
	bool is_caller;
};

/*
 * libevent: bufferevent_disable(), a high-water mark and a rate limit delete the event of reading.
 * libuv: uv_read_stop() and
 * uv_poll_stop() leave the set as it is, and uv__io_poll(), called by uv_run(), takes the socket
 * out when it is next told of it (src/unix/linux.c).  A close does so from the closing function.
 * libmicrohttpd: MHD_suspend_connection() takes it out until MHD_resume_connection().
 */
static const struct pause pauses[] = {
	{"bufferevent_disable", false},
	{"bufferevent_suspend_read_", false},
	{"uv_read_stop", false},
	{"uv_poll_stop", false},
	{"uv__io_poll", false},
	{"uv_run", true},
	{"MHD_suspend_connection", false},
};

static const void *find_pause(const char *name, size_t length)
{
	if (name[0] != 'b' && name[0] != 'u' && name[0] != 'M')
		return NULL;
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++)
		if (!strncmp(pauses[i].name, name, length) && !pauses[i].name[length])
			return &pauses[i];
	return NULL;
}

/* The function called from frame i, which may have jumped to what does the work and left no frame
 * of its own, else the frame's own. */
static const struct pause *look_at(struct cwr_known *known, const struct cwr_stack *stack, size_t i)
{
	const struct cwr_process *process = stack->process;
	const uint64_t ip = stack->ips[i];
	const struct cwr_module *module = cwr_object_module_at(process, ip - 1);
	const struct pause *pause;

	if (!module)
		return NULL;
	pause = cwr_known_called(known, process, module, ip);
	if (pause && !pause->is_caller)
		return pause;
	pause = cwr_known_around(known, process, module, ip);
	return pause && (!pause->is_caller || i == 1) ? pause : NULL;
}

/* Above uv_run() and its like are the program's own functions, or a loop within a loop. */
static void look_through(struct cwr_known *known, struct cwr_stack *stack)
{
	if (!stack || !stack->process || stack->pause_call)
		return;
	for (size_t i = 0; i < stack->nips; i++) {
		const struct pause *pause = look_at(known, stack, i);

		if (!pause)
			continue;
		stack->pause_call = pause->is_caller ? "uv__io_poll" : pause->name;
		return;
	}
}

void cwr_symbolize_pause_stack(struct cwr_model *model, struct cwr_stack *stack)
{
	struct cwr_known known = {.model = model, .is_wanted = find_pause};

	look_through(&known, stack);
	cwr_known_close(&known);
}

void cwr_symbolize_pauses(struct cwr_model *model)
{
	struct cwr_known known = {.model = model, .is_wanted = find_pause};

	for (struct cwr_socket *s = model->sockets; s; s = s->next)
		for (struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->is_open && s->peer_has_closed)
				look_through(&known, h->unpolled.stack);
	cwr_known_close(&known);
}
