/* SPDX-License-Identifier: MIT */
/*
 * The report for programs, schema cwshim-report/1: docs/schema/cwshim-report-1.schema.json.
 * Addresses and other 64-bit numbers that identify something are hexadecimal strings, so that no
 * reader rounds them; what is not known is null.
 *
 * jansson takes over the references that json_object_set_new() and json_array_append_new() are
 * given, and both accept NULL and then fail: running out of memory is noticed once, at the end.
 */
#include "render/render.h"
#include "util/json.h"

#include <stdlib.h>
#include <string.h>

/* Tells whether anything could not be made; one report, one thread. */
struct writer {
	const struct cwr_model *model;
	const struct cwr_render_options *options;
	bool has_failed;
};

static void set(struct writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value))
		w->has_failed = true;
}

static void append(struct writer *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		w->has_failed = true;
}

/* The model's times are monotonic; `now` is known in both clocks. */
static json_t *instant_of(const struct writer *w, uint64_t t)
{
	if (!t || !w->model->now_real_ns)
		return json_null();
	return cwr_json_instant(w->model->now_real_ns - (int64_t)(w->model->now - t));
}

/* ---- processes ---- */

static json_t *cmdline_json(struct writer *w, const struct cwr_process *process)
{
	json_t *array;

	if (!process->cmdline)
		return json_null();
	array = json_array();
	for (char **arg = process->cmdline; *arg; arg++)
		append(w, array, cwr_json_text(*arg));
	return array;
}

static json_t *end_json(const struct cwr_process *process)
{
	switch (process->end) {
	case CWR_END_EXITED:
		return json_sprintf("exited:%d", process->end_status);
	case CWR_END_SIGNALED:
		return json_sprintf("signal:%d", process->end_status);
	case CWR_END_EXEC:
		return json_string("exec");
	default:
		return process->is_alive ? json_null() : json_string("unknown");
	}
}

static json_t *process_json(struct writer *w, const struct cwr_process *process)
{
	json_t *object = json_object();
	json_t *limits = json_array();

	set(w, object, "pid", json_integer(process->pid));
	set(w, object, "ppid", cwr_json_known_integer(process->ppid));
	set(w, object, "exe", cwr_json_text(process->exe));
	set(w, object, "cmdline", cmdline_json(w, process));
	set(w, object, "started_at", cwr_json_instant(process->started_real_ns));
	set(w, object, "ended", end_json(process));
	set(w, object, "shim", json_boolean(process->has_shim));
	for (size_t i = 0; i < process->nlimits; i++)
		append(w, limits, cwr_json_text(process->limits[i]));
	set(w, object, "limits", limits);
	return object;
}

/* ---- stacks ---- */

static json_t *frame_json(struct writer *w, const struct cwr_frame *frame)
{
	json_t *object = json_object();

	set(w, object, "ip", cwr_json_hexadecimal(frame->ip));
	set(w, object, "module", cwr_json_text(frame->module));
	set(w, object, "build_id", cwr_json_text(frame->build_id));
	set(w, object, "offset", frame->module ? cwr_json_hexadecimal(frame->offset) : json_null());
	set(w, object, "function", cwr_json_text(frame->function));
	set(w, object, "file", cwr_json_text(frame->file));
	set(w, object, "line", frame->line ? json_integer(frame->line) : json_null());
	set(w, object, "inlined", json_boolean(frame->inlined));
	return object;
}

/* A thing that happened without its stack being known has an empty one. */
static json_t *stack_json(struct writer *w, const struct cwr_stack *stack)
{
	json_t *array = json_array();

	if (!stack)
		return array;
	for (size_t i = 0; i < stack->nframes; i++)
		append(w, array, frame_json(w, &stack->frames[i]));
	for (size_t i = 0; !stack->frames && i < stack->nips; i++) {
		const struct cwr_frame bare = {.ip = stack->ips[i]};

		append(w, array, frame_json(w, &bare));
	}
	return array;
}

static json_t *stacks_json(struct writer *w, const struct cwr_finding *finding)
{
	json_t *object = json_object();

	for (int i = 0; i < CWR_EVIDENCES; i++)
		if (finding->evidence[i].t)
			set(w, object, cwr_evidence_name((enum cwr_evidence)i),
			    stack_json(w, finding->evidence[i].stack));
	return object;
}

/* ---- sockets ---- */

static json_t *address_json(const struct cwr_addr *addr)
{
	char name[64];

	return cwr_json_text(cwr_addr_format(addr, name, sizeof(name)));
}

static json_t *event_json(struct writer *w, const struct cwr_mark *mark)
{
	json_t *object = json_object();

	set(w, object, "t", instant_of(w, mark->t));
	set(w, object, "pid", mark->pid ? json_integer(mark->pid) : json_null());
	set(w, object, "tid", mark->tid ? json_integer(mark->tid) : json_null());
	set(w, object, "fd", cwr_json_known_integer(mark->fd));
	set(w, object, "op", cwr_json_text(mark->op));
	set(w, object, "result", json_integer(mark->result));
	return object;
}

/* What the holder did last with its descriptor.  Of a use it may not be known when it was. */
static json_t *last_json(struct writer *w, const struct cwr_socket *socket,
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
	return last->op ? event_json(w, last) : json_null();
}

static json_t *holders_json(struct writer *w, const struct cwr_socket *socket)
{
	json_t *array = json_array();

	for (const struct cwr_holder *h = socket->holders; h; h = h->next) {
		json_t *object;

		if (!h->is_open)
			continue;
		object = json_object();
		set(w, object, "pid", json_integer(h->process->pid));
		set(w, object, "fd", cwr_json_known_integer(h->fd));
		set(w, object, "via", cwr_json_text(cwr_via_name(h->via)));
		set(w, object, "cloexec", h->cloexec < 0 ? json_null() : json_boolean(h->cloexec));
		set(w, object, "last", last_json(w, socket, h));
		append(w, array, object);
	}
	return array;
}

/* Times are as coarse as the kernel's tick; of equal ones the order of collection decides. */
struct moment {
	const struct cwr_mark *mark;
	size_t order;
};

enum { MARKS_OF_HOLDER = 6 };

static size_t collect_marks(const struct cwr_socket *socket, struct moment *moments)
{
	size_t n = 0;

	moments[n++].mark = &socket->created;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next) {
		moments[n++].mark = &h->via_mark;
		moments[n++].mark = &h->eof;
		moments[n++].mark = &h->shutdown;
		moments[n++].mark = &h->last_use;
		moments[n++].mark = &h->passed;
		moments[n++].mark = &h->closed;
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

static json_t *events_json(struct writer *w, const struct cwr_socket *socket)
{
	struct moment *moments;
	json_t *array = json_array();
	size_t n = 0;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		n++;
	moments = calloc(n * MARKS_OF_HOLDER + 1, sizeof(*moments));
	if (!moments) {
		w->has_failed = true;
		return array;
	}
	n = collect_marks(socket, moments);
	qsort(moments, n, sizeof(*moments), compare_moments);
	for (size_t i = 0; i < n; i++)
		if (moments[i].mark->t)
			append(w, array, event_json(w, moments[i].mark));
	free(moments);
	return array;
}

static json_t *socket_json(struct writer *w, const struct cwr_socket *socket)
{
	json_t *object = json_object();

	set(w, object, "cookie",
	    socket->cookie ? cwr_json_hexadecimal(socket->cookie) : json_null());
	set(w, object, "role", cwr_json_text(cwr_role_name(socket->role)));
	set(w, object, "local", address_json(&socket->local));
	set(w, object, "peer", address_json(&socket->peer));
	set(w, object, "tcp_state", cwr_json_text(cwr_tcp_state_name(socket->state)));
	set(w, object, "age_s", cwr_json_known_seconds(socket->fin_age_s));
	set(w, object, "recv_q", cwr_json_known_integer(socket->recv_q));
	set(w, object, "send_q", cwr_json_known_integer(socket->send_q));
	set(w, object, "eof", cwr_json_text(cwr_eof_name(socket->eof)));
	set(w, object, "eof_consumed",
	    socket->recv_q < 0 ? json_null() : json_boolean(!socket->recv_q));
	set(w, object, "inode",
	    socket->inode ? json_integer((json_int_t)socket->inode) : json_null());
	set(w, object, "in_flight", json_boolean(socket->is_in_flight));
	set(w, object, "holders", holders_json(w, socket));
	set(w, object, "events", events_json(w, socket));
	return object;
}

/* ---- findings ---- */

static json_t *site_json(struct writer *w, const struct cwr_finding *finding)
{
	bool is_known = finding->site.known;
	json_t *object = json_object();

	set(w, object, "created",
	    is_known ? json_integer((json_int_t)finding->site.created) : json_null());
	set(w, object, "closed",
	    is_known ? json_integer((json_int_t)finding->site.closed) : json_null());
	set(w, object, "leaked", json_integer((json_int_t)finding->nsockets));
	set(w, object, "life_min_s",
	    cwr_json_known_seconds(is_known ? finding->site.life_min : -1));
	set(w, object, "life_median_s",
	    cwr_json_known_seconds(is_known ? finding->site.life_median : -1));
	set(w, object, "life_max_s",
	    cwr_json_known_seconds(is_known ? finding->site.life_max : -1));
	return object;
}

static json_t *texts_json(struct writer *w, const char *const *texts)
{
	json_t *array = json_array();

	for (; texts && *texts; texts++)
		append(w, array, cwr_json_text(*texts));
	return array;
}

static json_t *children_json(struct writer *w, const struct cwr_finding *finding)
{
	json_t *array = json_array();

	for (size_t i = 0; i < finding->nchildren; i++)
		append(w, array, json_integer(finding->children[i]));
	return array;
}

static json_t *finding_json(struct writer *w, const struct cwr_finding *finding)
{
	json_t *object = json_object();
	json_t *sockets = json_array();

	set(w, object, "id", cwr_json_text(finding->id));
	set(w, object, "cause", cwr_json_text(finding->cause));
	set(w, object, "verdict", cwr_json_text(cwr_verdict_name(finding->verdict)));
	set(w, object, "confidence", cwr_json_text(cwr_confidence_name(finding->confidence)));
	set(w, object, "title", cwr_json_text(finding->title));
	set(w, object, "explanation", cwr_json_text(finding->explanation));
	set(w, object, "advice", cwr_json_text(finding->advice));
	set(w, object, "confirmed", json_boolean(finding->is_confirmed));
	set(w, object, "also_possible", texts_json(w, (const char *const *)finding->also_possible));
	if (finding->related)
		set(w, object, "related", texts_json(w, (const char *const *)finding->related));
	set(w, object, "closed_at_exit", json_boolean(finding->closed_at_exit));
	set(w, object, "count", json_integer((json_int_t)finding->nsockets));
	set(w, object, "oldest_s", cwr_json_known_seconds(finding->oldest_s));
	set(w, object, "suppressed", cwr_json_text(finding->suppressed));
	set(w, object, "pid", json_integer(finding->process->pid));
	set(w, object, "children", children_json(w, finding));
	set(w, object, "site_stats", site_json(w, finding));
	set(w, object, "stacks", stacks_json(w, finding));
	for (size_t i = 0; i < finding->nsockets; i++)
		append(w, sockets, socket_json(w, finding->sockets[i]));
	set(w, object, "sockets", sockets);
	return object;
}

/* ---- the report ---- */

static json_t *summary_json(struct writer *w)
{
	const uint64_t *counts = w->model->summary;
	json_t *object = json_object();

	set(w, object, "leak", json_integer((json_int_t)counts[CWR_LEAK]));
	set(w, object, "stall", json_integer((json_int_t)counts[CWR_STALL]));
	set(w, object, "idle", json_integer((json_int_t)counts[CWR_IDLE]));
	set(w, object, "in_use", json_integer((json_int_t)counts[CWR_IN_USE]));
	set(w, object, "suppressed", json_integer((json_int_t)w->model->suppressed));
	set(w, object, "tracked", json_integer((json_int_t)w->model->tracked));
	return object;
}

static json_t *suppressions_json(struct writer *w)
{
	json_t *array = json_array();

	for (const struct cwr_suppression *s = w->model->suppressions; s; s = s->next) {
		json_t *object = json_object();

		set(w, object, "rule", cwr_json_text(s->rule));
		set(w, object, "matches", json_integer((json_int_t)s->matches));
		append(w, array, object);
	}
	return array;
}

static json_t *closed_json(struct writer *w)
{
	json_t *array = json_array();

	for (const struct cwr_closed *c = w->model->closed_after_all; c; c = c->next) {
		json_t *object = json_object();

		set(w, object, "id", cwr_json_text(c->id));
		set(w, object, "cause", cwr_json_text(c->cause));
		set(w, object, "created", cwr_json_text(c->place));
		set(w, object, "pid", json_integer(c->process->pid));
		set(w, object, "count", json_integer((json_int_t)c->nsockets));
		append(w, array, object);
	}
	return array;
}

static bool is_open(const struct cwr_socket *socket)
{
	const struct cwr_holder *h = socket->holders;

	while (h && !h->is_open)
		h = h->next;
	return h || socket->is_in_flight;
}

/* Reference counting as the kernel sees it, whether anything is wrong or not. */
static json_t *open_sockets_json(struct writer *w)
{
	json_t *array = json_array();

	for (const struct cwr_socket *s = w->model->sockets; s; s = s->next)
		if (is_open(s))
			append(w, array, socket_json(w, s));
	return array;
}

static json_t *report_json(struct writer *w)
{
	json_t *report = json_object();
	json_t *processes = json_array();
	json_t *findings = json_array();

	set(w, report, "schema", json_string("cwshim-report/1"));
	set(w, report, "version", json_string(CWSHIM_VERSION));
	set(w, report, "generated_at", cwr_json_instant(w->model->now_real_ns));
	set(w, report, "reason", cwr_json_text(w->model->reason));
	for (const struct cwr_process *p = w->model->processes; p; p = p->next)
		append(w, processes, process_json(w, p));
	for (const struct cwr_finding *f = w->model->findings; f; f = f->next)
		if (!f->suppressed || w->options->show_suppressed)
			append(w, findings, finding_json(w, f));
	set(w, report, "processes", processes);
	set(w, report, "findings", findings);
	if (w->options->all)
		set(w, report, "sockets", open_sockets_json(w));
	set(w, report, "closed_after_all", closed_json(w));
	set(w, report, "suppressions", suppressions_json(w));
	set(w, report, "summary", summary_json(w));
	return report;
}

struct cwr_error *cwr_render_json(const struct cwr_model *model,
				  const struct cwr_render_options *options, FILE *out)
{
	struct writer w = {.model = model, .options = options};
	json_t *report = report_json(&w);
	struct cwr_error *error = NULL;

	if (!report || w.has_failed)
		error = cwr_error_new(CWR_EXIT_INPUT, "out of memory");
	else if (json_dumpf(report, out, JSON_INDENT(2)) || fputc('\n', out) == EOF)
		error = cwr_error_new(CWR_EXIT_INPUT, "cannot write the report");
	json_decref(report);
	return error;
}
