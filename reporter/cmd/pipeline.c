/* SPDX-License-Identifier: MIT */
/*
 * The way of every report; see pipeline.h.
 */
#include "cmd/pipeline.h"

#include "diagnose/diagnose.h"
#include "diagnose/suppress.h"
#include "model/arena.h"
#include "render/render.h"
#include "session/told.h"
#include "symbolize/pause.h"
#include "symbolize/symbolize.h"
#include "symbolize/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 100, COLUMNS_MIN = 60, COLUMNS_MAX = 160 };

static const struct cwr_format *format_of(const struct cwr_options *options)
{
	return cwr_format_find(options->format ? options->format : "text");
}

struct cwr_error *cwr_pipeline_start(const struct cwr_options *options, const char *reason,
				     struct cwr_model **ret_model)
{
	struct cwr_model *model = *ret_model = cwr_model_new();

	if (!model)
		cwr_out_of_memory();
	model->reason = reason;
	model->policy.min_age_s = options->min_age_s;
	model->policy.in_use_s = options->in_use_s;
	model->policy.late_s = options->late_s;
	model->policy.fail_on = options->fail_on;
	model->policy.only_cause = options->cause;
	model->policy.wants_cloexec = format_of(options)->has_cloexec;
	return options->suppressions ? cwr_suppress_load(model, options->suppressions) : NULL;
}

/* Sockets that somebody has open. */
static uint64_t count_tracked(const struct cwr_model *model)
{
	uint64_t n = 0;

	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		const struct cwr_holder *h = s->holders;

		while (h && !h->is_open)
			h = h->next;
		n += h != NULL;
	}
	return n;
}

struct cwr_error *cwr_pipeline_judge(struct cwr_model *model, const struct cwr_kernel_list *list)
{
	struct cwr_error *error = cwr_kernel_observe(model, list);

	if (error)
		return error;
	model->tracked = count_tracked(model);
	cwr_symbolize_tls(model);
	cwr_symbolize_pauses(model);
	cwr_diagnose(model);
	return NULL;
}

static bool is_own(const struct cwr_finding *finding, const struct cwr_process *process)
{
	if (finding->process == process)
		return true;
	for (size_t i = 0; i < finding->nsockets; i++)
		if (finding->sockets[i]->creator == process)
			return true;
	return false;
}

void cwr_pipeline_keep_own(struct cwr_model *model, const struct cwr_process *process)
{
	struct cwr_finding **link = &model->findings;

	while (*link) {
		if (is_own(*link, process))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

struct cwr_error *cwr_pipeline_explain(struct cwr_model *model)
{
	struct cwr_error *error = cwr_symbolize_findings(model);

	if (!error)
		cwr_diagnose_advise(model);
	cwr_told_compare(model);
	return error;
}

unsigned int cwr_pipeline_count_failing(const struct cwr_model *model)
{
	unsigned int n = 0;

	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		n += !f->suppressed && model->policy.fail_on & 1u << f->verdict;
	return n;
}

bool cwr_pipeline_has_news(const struct cwr_model *model)
{
	if (model->closed_after_all)
		return true;
	for (const struct cwr_process *p = model->processes; p; p = p->next)
		if (p->off && (!p->session_path || p->is_in_memory))
			return true;
	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		if (!f->suppressed && f->verdict != CWR_IN_USE)
			return true;
	return false;
}

static bool wants_color(const struct cwr_options *options, FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->color != CWR_COLOR_AUTO)
		return options->color == CWR_COLOR_ALWAYS;
	return isatty(fileno(stream)) && !(no_color && *no_color);
}

static int columns_of(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return COLUMNS;
	if (size.ws_col < COLUMNS_MIN)
		return COLUMNS_MIN;
	return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

static struct cwr_error *write_to(const struct cwr_model *model, const struct cwr_options *options,
				  FILE *stream)
{
	const struct cwr_render_options render = {
		.color = wants_color(options, stream),
		.all = options->all,
		.show_suppressed = options->show_suppressed,
		.columns = columns_of(stream),
	};

	return cwr_render(model, format_of(options), &render, stream);
}

static struct cwr_error *output_error(const char *path)
{
	return cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path, strerror(errno));
}

static struct cwr_error *write_file(const struct cwr_model *model,
				    const struct cwr_options *options, const char *path)
{
	FILE *stream = fopen(path, options->append ? "ae" : "we");
	struct cwr_error *error;

	if (!stream)
		return output_error(path);
	error = write_to(model, options, stream);
	if (fclose(stream) != 0 && !error)
		error = output_error(path);
	return error;
}

struct cwr_error *cwr_pipeline_write(const struct cwr_model *model,
				     const struct cwr_options *options, FILE *otherwise)
{
	struct cwr_error *error;

	if (options->output)
		return write_file(model, options, options->output);
	error = write_to(model, options, otherwise);
	if (fflush(otherwise) != 0 && !error)
		error = output_error(otherwise == stdout ? "standard output" : "standard error");
	return error;
}

int cwr_pipeline_status(const struct cwr_model *model, const struct cwr_options *options)
{
	if (!cwr_pipeline_count_failing(model))
		return CWR_EXIT_OK;
	return options->error_exitcode >= 0 ? options->error_exitcode : CWR_EXIT_FINDINGS;
}
