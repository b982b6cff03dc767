/* SPDX-License-Identifier: MIT */
/*
 * The report for programs, schema cwshim-report/1: docs/schema/cwshim-report-1.schema.json.
 * Addresses and other 64-bit numbers that identify something are hexadecimal strings, so that no
 * reader rounds them; what is not known is null.
 *
 * It is written while it is made, and nothing of it is kept: a report of 100,000 sockets has more
 * than 100 MB.
 */
#include "render/render.h"
#include "util/json.h"

#include <stdlib.h>
#include <string.h>

/* The document that is being written; one report, one thread. */
struct writer {
	struct cwr_json json;
	const struct cwr_model *model;
	const struct cwr_render_options *options;
	bool has_failed; /* out of memory */
};

/* The model's times are monotonic; `now` is known in both clocks. */
static void instant_json(struct writer *w, const char *name, uint64_t t)
{
	bool is_known = t && w->model->now_real_ns;

	cwr_json_instant(&w->json, name,
			 is_known ? w->model->now_real_ns - (int64_t)(w->model->now - t) : 0);
}

/* A number that is null when it is 0. */
static void number_json(struct writer *w, const char *name, int64_t number)
{
	cwr_json_known_integer(&w->json, name, number ? number : -1);
}

/* ---- processes ---- */

static void cmdline_json(struct writer *w, const struct cwr_process *process)
{
	if (!process->cmdline) {
		cwr_json_null(&w->json, "cmdline");
		return;
	}
	cwr_json_open_array(&w->json, "cmdline");
	for (char **arg = process->cmdline; *arg; arg++)
		cwr_json_text(&w->json, NULL, *arg);
	cwr_json_close_array(&w->json);
}

static void end_json(struct writer *w, const struct cwr_process *process)
{
	const bool is_exit = process->end == CWR_END_EXITED;
	char text[32];

	switch (process->end) {
	case CWR_END_EXITED:
	case CWR_END_SIGNALED:
		snprintf(text, sizeof(text), "%s:%d", is_exit ? "exited" : "signal",
			 process->end_status);
		cwr_json_text(&w->json, "ended", text);
		break;
	case CWR_END_EXEC:
		cwr_json_text(&w->json, "ended", "exec");
		break;
	default:
		cwr_json_text(&w->json, "ended", process->is_alive ? NULL : "unknown");
	}
}

static void process_json(struct writer *w, const struct cwr_process *process)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, NULL);
	cwr_json_integer(json, "pid", process->pid);
	cwr_json_known_integer(json, "ppid", process->ppid);
	cwr_json_text(json, "exe", process->exe);
	cmdline_json(w, process);
	cwr_json_instant(json, "started_at", process->started_real_ns);
	end_json(w, process);
	cwr_json_bool(json, "shim", process->has_shim);
	cwr_json_open_array(json, "limits");
	for (size_t i = 0; i < process->nlimits; i++)
		cwr_json_text(json, NULL, process->limits[i]);
	cwr_json_close_array(json);
	cwr_json_close_object(json);
}

/* ---- stacks ---- */

static void frame_json(struct writer *w, const struct cwr_frame *frame)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, NULL);
	cwr_json_hexadecimal(json, "ip", frame->ip);
	cwr_json_text(json, "module", frame->module);
	cwr_json_text(json, "build_id", frame->build_id);
	if (frame->module)
		cwr_json_hexadecimal(json, "offset", frame->offset);
	else
		cwr_json_null(json, "offset");
	cwr_json_text(json, "function", frame->function);
	cwr_json_text(json, "file", frame->file);
	number_json(w, "line", frame->line);
	cwr_json_bool(json, "inlined", frame->inlined);
	cwr_json_close_object(json);
}

/* A thing that happened without its stack being known has an empty one. */
static void stack_json(struct writer *w, const char *name, const struct cwr_stack *stack)
{
	cwr_json_open_array(&w->json, name);
	for (size_t i = 0; stack && i < stack->nframes; i++)
		frame_json(w, &stack->frames[i]);
	for (size_t i = 0; stack && !stack->frames && i < stack->nips; i++) {
		const struct cwr_frame bare = {.ip = stack->ips[i]};

		frame_json(w, &bare);
	}
	cwr_json_close_array(&w->json);
}

static void stacks_json(struct writer *w, const struct cwr_finding *finding)
{
	cwr_json_open_object(&w->json, "stacks");
	for (int i = 0; i < CWR_EVIDENCES; i++)
		if (finding->evidence[i].t)
			stack_json(w, cwr_evidence_name((enum cwr_evidence)i),
				   finding->evidence[i].stack);
	cwr_json_close_object(&w->json);
}

/* ---- sockets ---- */

static void address_json(struct writer *w, const char *name, const struct cwr_addr *addr)
{
	char text[64];

	cwr_json_text(&w->json, name, cwr_addr_format(addr, text, sizeof(text)));
}

static void event_json(struct writer *w, const char *name, const struct cwr_mark *mark)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, name);
	instant_json(w, "t", mark->t);
	number_json(w, "pid", mark->pid);
	number_json(w, "tid", mark->tid);
	cwr_json_known_integer(json, "fd", mark->fd);
	cwr_json_text(json, "op", mark->op);
	cwr_json_integer(json, "result", mark->result);
	cwr_json_close_object(json);
}

/* What the holder did last with its descriptor.  Of a use it may not be known when it was. */
static void last_json(struct writer *w, const struct cwr_socket *socket,
		      const struct cwr_holder *holder)
{
	const struct cwr_mark none = {0};
	const struct cwr_mark *marks[] = {
		holder->is_creator ? &socket->created : &none,
		&holder->via_mark,
		&holder->eof,
		&holder->shutdown,
		&holder->passed,
		&holder->last_use,
	};
	const struct cwr_mark *last = &none;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (marks[i]->t && marks[i]->t >= last->t)
			last = marks[i];
	if (holder->last_use.op && !holder->last_use.t && !holder->eof.t && !holder->shutdown.t)
		last = &holder->last_use;
	if (last->op)
		event_json(w, "last", last);
	else
		cwr_json_null(&w->json, "last");
}

static void holder_json(struct writer *w, const struct cwr_socket *socket,
			const struct cwr_holder *holder)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, NULL);
	cwr_json_integer(json, "pid", holder->process->pid);
	cwr_json_known_integer(json, "fd", holder->fd);
	cwr_json_text(json, "via", cwr_via_name(holder->via));
	if (holder->cloexec < 0)
		cwr_json_null(json, "cloexec");
	else
		cwr_json_bool(json, "cloexec", holder->cloexec);
	last_json(w, socket, holder);
	cwr_json_close_object(json);
}

static void holders_json(struct writer *w, const struct cwr_socket *socket)
{
	cwr_json_open_array(&w->json, "holders");
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->is_open)
			holder_json(w, socket, h);
	cwr_json_close_array(&w->json);
}

/* Times are as coarse as the kernel's tick; of equal ones the order of collection decides. */
struct moment {
	const struct cwr_mark *mark;
	size_t order;
};

enum { MARKS_OF_HOLDER = 6 };

/* Those that have not happened are left out. */
static size_t collect_marks(const struct cwr_socket *socket, struct moment *moments)
{
	size_t n = 0;

	if (socket->created.t)
		moments[n++].mark = &socket->created;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next) {
		const struct cwr_mark *const marks[MARKS_OF_HOLDER] = {
			&h->via_mark, &h->eof, &h->shutdown, &h->last_use, &h->passed, &h->closed,
		};

		for (size_t i = 0; i < MARKS_OF_HOLDER; i++)
			if (marks[i]->t)
				moments[n++].mark = marks[i];
	}
	for (size_t i = 0; i < n; i++)
		moments[i].order = i;
	return n;
}

static int compare_moments(const void *left, const void *right)
{
	const struct moment *a = left, *b = right;

	if (a->mark->t != b->mark->t)
		return a->mark->t < b->mark->t ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static void events_json(struct writer *w, const struct cwr_socket *socket)
{
	struct moment *moments;
	size_t n = 0;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		n++;
	moments = calloc(n * MARKS_OF_HOLDER + 1, sizeof(*moments));
	w->has_failed |= !moments;
	cwr_json_open_array(&w->json, "events");
	n = moments ? collect_marks(socket, moments) : 0;
	if (n)
		qsort(moments, n, sizeof(*moments), compare_moments);
	for (size_t i = 0; i < n; i++)
		event_json(w, NULL, moments[i].mark);
	cwr_json_close_array(&w->json);
	free(moments);
}

static void socket_json(struct writer *w, const struct cwr_socket *socket)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, NULL);
	if (socket->cookie)
		cwr_json_hexadecimal(json, "cookie", socket->cookie);
	else
		cwr_json_null(json, "cookie");
	cwr_json_text(json, "role", cwr_role_name(socket->role));
	address_json(w, "local", &socket->local);
	address_json(w, "peer", &socket->peer);
	cwr_json_text(json, "tcp_state", cwr_tcp_state_name(socket->state));
	cwr_json_known_seconds(json, "age_s", socket->fin_age_s);
	cwr_json_known_integer(json, "recv_q", socket->recv_q);
	cwr_json_known_integer(json, "send_q", socket->send_q);
	cwr_json_text(json, "eof", cwr_eof_name(socket->eof));
	if (socket->recv_q < 0)
		cwr_json_null(json, "eof_consumed");
	else
		cwr_json_bool(json, "eof_consumed", !socket->recv_q);
	number_json(w, "inode", (int64_t)socket->inode);
	cwr_json_bool(json, "in_flight", socket->is_in_flight);
	holders_json(w, socket);
	events_json(w, socket);
	cwr_json_close_object(json);
}

/* ---- findings ---- */

static void site_json(struct writer *w, const struct cwr_finding *finding)
{
	const struct cwr_site_stats *site = &finding->site;
	bool is_known = site->known;
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, "site_stats");
	cwr_json_known_integer(json, "created", is_known ? (int64_t)site->created : -1);
	cwr_json_known_integer(json, "closed", is_known ? (int64_t)site->closed : -1);
	cwr_json_integer(json, "leaked", (int64_t)finding->nsockets);
	cwr_json_known_seconds(json, "life_min_s", is_known ? site->life_min : -1);
	cwr_json_known_seconds(json, "life_median_s", is_known ? site->life_median : -1);
	cwr_json_known_seconds(json, "life_max_s", is_known ? site->life_max : -1);
	cwr_json_close_object(json);
}

static void texts_json(struct writer *w, const char *name, const char *const *texts)
{
	cwr_json_open_array(&w->json, name);
	for (; texts && *texts; texts++)
		cwr_json_text(&w->json, NULL, *texts);
	cwr_json_close_array(&w->json);
}

static void children_json(struct writer *w, const struct cwr_finding *finding)
{
	cwr_json_open_array(&w->json, "children");
	for (size_t i = 0; i < finding->nchildren; i++)
		cwr_json_integer(&w->json, NULL, finding->children[i]);
	cwr_json_close_array(&w->json);
}

static void words_json(struct writer *w, const struct cwr_finding *finding)
{
	struct cwr_json *json = &w->json;

	cwr_json_text(json, "id", finding->id);
	cwr_json_text(json, "cause", finding->cause);
	cwr_json_text(json, "verdict", cwr_verdict_name(finding->verdict));
	cwr_json_text(json, "confidence", cwr_confidence_name(finding->confidence));
	cwr_json_text(json, "title", finding->title);
	cwr_json_text(json, "explanation", finding->explanation);
	cwr_json_text(json, "advice", finding->advice);
}

static void finding_json(struct writer *w, const struct cwr_finding *finding)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, NULL);
	words_json(w, finding);
	cwr_json_bool(json, "confirmed", finding->is_confirmed);
	texts_json(w, "also_possible", (const char *const *)finding->also_possible);
	if (finding->related)
		texts_json(w, "related", (const char *const *)finding->related);
	cwr_json_bool(json, "closed_at_exit", finding->closed_at_exit);
	cwr_json_integer(json, "count", (int64_t)finding->nsockets);
	cwr_json_known_seconds(json, "oldest_s", finding->oldest_s);
	cwr_json_text(json, "suppressed", finding->suppressed);
	cwr_json_integer(json, "pid", finding->process->pid);
	children_json(w, finding);
	site_json(w, finding);
	stacks_json(w, finding);
	cwr_json_open_array(json, "sockets");
	for (size_t i = 0; i < finding->nsockets; i++)
		socket_json(w, finding->sockets[i]);
	cwr_json_close_array(json);
	cwr_json_close_object(json);
}

/* ---- the report ---- */

static void summary_json(struct writer *w)
{
	const uint64_t *counts = w->model->summary;
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, "summary");
	cwr_json_integer(json, "leak", (int64_t)counts[CWR_LEAK]);
	cwr_json_integer(json, "stall", (int64_t)counts[CWR_STALL]);
	cwr_json_integer(json, "idle", (int64_t)counts[CWR_IDLE]);
	cwr_json_integer(json, "in_use", (int64_t)counts[CWR_IN_USE]);
	cwr_json_integer(json, "suppressed", (int64_t)w->model->suppressed);
	cwr_json_integer(json, "tracked", (int64_t)w->model->tracked);
	cwr_json_close_object(json);
}

static void suppressions_json(struct writer *w)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_array(json, "suppressions");
	for (const struct cwr_suppression *s = w->model->suppressions; s; s = s->next) {
		cwr_json_open_object(json, NULL);
		cwr_json_text(json, "rule", s->rule);
		cwr_json_integer(json, "matches", (int64_t)s->matches);
		cwr_json_close_object(json);
	}
	cwr_json_close_array(json);
}

static void closed_json(struct writer *w)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_array(json, "closed_after_all");
	for (const struct cwr_closed *c = w->model->closed_after_all; c; c = c->next) {
		cwr_json_open_object(json, NULL);
		cwr_json_text(json, "id", c->id);
		cwr_json_text(json, "cause", c->cause);
		cwr_json_text(json, "created", c->place);
		cwr_json_integer(json, "pid", c->process->pid);
		cwr_json_integer(json, "count", (int64_t)c->nsockets);
		cwr_json_close_object(json);
	}
	cwr_json_close_array(json);
}

static bool is_open(const struct cwr_socket *socket)
{
	const struct cwr_holder *h = socket->holders;

	while (h && !h->is_open)
		h = h->next;
	return h || socket->is_in_flight;
}

/* Reference counting as the kernel sees it, whether anything is wrong or not. */
static void open_sockets_json(struct writer *w)
{
	cwr_json_open_array(&w->json, "sockets");
	for (const struct cwr_socket *s = w->model->sockets; s; s = s->next)
		if (is_open(s))
			socket_json(w, s);
	cwr_json_close_array(&w->json);
}

static void processes_json(struct writer *w)
{
	cwr_json_open_array(&w->json, "processes");
	for (const struct cwr_process *p = w->model->processes; p; p = p->next)
		process_json(w, p);
	cwr_json_close_array(&w->json);
}

static void findings_json(struct writer *w)
{
	cwr_json_open_array(&w->json, "findings");
	for (const struct cwr_finding *f = w->model->findings; f; f = f->next)
		if (!f->suppressed || w->options->show_suppressed)
			finding_json(w, f);
	cwr_json_close_array(&w->json);
}

static void report_json(struct writer *w)
{
	struct cwr_json *json = &w->json;

	cwr_json_open_object(json, NULL);
	cwr_json_text(json, "schema", "cwshim-report/1");
	cwr_json_text(json, "version", CWSHIM_VERSION);
	cwr_json_instant(json, "generated_at", w->model->now_real_ns);
	cwr_json_text(json, "reason", w->model->reason);
	processes_json(w);
	findings_json(w);
	if (w->options->all)
		open_sockets_json(w);
	closed_json(w);
	suppressions_json(w);
	summary_json(w);
	cwr_json_close_object(json);
}

struct cwr_error *cwr_render_json(const struct cwr_model *model,
				  const struct cwr_render_options *options, FILE *out)
{
	struct writer w = {.model = model, .options = options};

	cwr_json_start(&w.json, out);
	report_json(&w);
	if (w.has_failed)
		return cwr_error_new(CWR_EXIT_INPUT, "out of memory");
	if (!cwr_json_finish(&w.json))
		return cwr_error_new(CWR_EXIT_INPUT, "cannot write the report");
	return NULL;
}
