/* SPDX-License-Identifier: MIT */
/*
 * The reporter as the shim starts it, from a process that ends or got the report signal.
 *
 * At exit everything is asked while the process stands still at the door; then it tears itself
 * down while symbols are looked up, and what it closes after all is marked in the report.  The
 * process waits for the end of that, so whatever goes wrong here must let it go.
 */
#include "cmd/from_shim.h"

#include "cmd/pipeline.h"
#include "cmd/sources.h"
#include "cmd/talk.h"
#include "session/session.h"
#include "session/told.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The shim blocks all signals around the start, and the host's terminal is none of our business. */
static void settle_in(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	setsid();
}

/* A suppression file that cannot be read suppresses nothing; it does not cost the report. */
static struct cwr_error *start(const struct cwr_options *options, struct cwr_model **ret_model)
{
	struct cwr_options without = *options;
	struct cwr_error *error = cwr_pipeline_start(options, options->reason, ret_model);

	if (!error)
		return NULL;
	fprintf(stderr, "cwshim: %s\n", error->message);
	cwr_error_free(error);
	cwr_model_free(*ret_model);
	without.suppressions = NULL;
	return cwr_pipeline_start(&without, options->reason, ret_model);
}

static struct cwr_error *capture(struct cwr_model *model, const struct cwr_options *options)
{
	CWR_AUTO_KERNEL_LIST struct cwr_kernel_list *list = cwr_kernel_list();
	struct cwr_error *error = cwr_sources_load_path(model, options->args[0]);

	if (!error)
		error = cwr_pipeline_judge(model, list);
	if (!error && !strcmp(options->reason, "exit"))
		cwr_pipeline_keep_own(model, cwr_model_find_path(model, options->args[0]));
	return error;
}

/* Which sockets were closed by the teardown: read again from the session. */
static void mark_closed(struct cwr_model *model, const struct cwr_model *later, const char *path)
{
	const struct cwr_process *subject = cwr_model_find_path(model, path);

	for (struct cwr_socket *s = model->sockets; s; s = s->next) {
		const struct cwr_socket *twin = cwr_model_find_socket(later, s->cookie);

		for (struct cwr_holder *h = s->holders; h && twin; h = h->next)
			for (const struct cwr_holder *t = twin->holders; t; t = t->next)
				if (h->process == subject && t->fd == h->fd && t->closed_at_exit)
					h->closed_at_exit = true;
	}
}

static bool is_all_closed(const struct cwr_finding *finding)
{
	for (size_t i = 0; i < finding->nsockets; i++) {
		const struct cwr_socket *s = finding->sockets[i];

		/* What waits to be accepted ends with the listener. */
		for (const struct cwr_holder *h = (s->listener ? s->listener : s)->holders; h;
		     h = h->next)
			if (h->process == finding->process && h->is_open && !h->closed_at_exit)
				return false;
	}
	return finding->nsockets > 0;
}

static void look_again(struct cwr_model *model, const char *path)
{
	struct cwr_model *later = cwr_model_new();
	struct cwr_error *error = later ? cwr_session_load(later, path) : NULL;

	if (later && !error)
		mark_closed(model, later, path);
	for (struct cwr_finding *f = model->findings; f; f = f->next)
		f->closed_at_exit = is_all_closed(f);
	cwr_error_free(error);
	cwr_model_free(later);
}

/* Suppressions can only be told with symbols; without any there is no need to keep it waiting. */
static struct cwr_error *explain(struct cwr_model *model, struct cwr_talk *talk)
{
	struct cwr_error *error = NULL;

	if (model->suppressions)
		error = cwr_pipeline_explain(model);
	cwr_talk_captured(talk, cwr_pipeline_count_failing(model));
	if (!model->suppressions)
		error = cwr_pipeline_explain(model);
	return error;
}

static struct cwr_error *report(struct cwr_model *model, const struct cwr_options *options,
				struct cwr_talk *talk)
{
	struct cwr_error *error = capture(model, options);

	if (!error)
		error = explain(model, talk);
	if (!error && !strcmp(options->reason, "exit")) {
		cwr_talk_wait_for_finish(talk);
		look_again(model, options->args[0]);
	}
	if (!error && cwr_pipeline_has_news(model))
		error = cwr_pipeline_write(model, options, stderr);
	if (!error)
		cwr_told_write(model);
	return error;
}

struct cwr_error *cwr_report_from_shim(const struct cwr_options *options, int *ret_status)
{
	struct cwr_model *model = NULL;
	struct cwr_talk talk;
	struct cwr_error *error;

	if (options->nargs != 1 || !options->reason)
		return cwr_error_new(CWR_EXIT_USAGE, "--from-shim is for the shim");
	settle_in();
	error = cwr_talk_open(&talk, options->args[0]);
	if (error)
		return error;
	error = start(options, &model);
	if (!error)
		error = report(model, options, &talk);
	cwr_talk_done(&talk);
	cwr_talk_close(&talk);
	*ret_status = error ? CWR_EXIT_INPUT : cwr_pipeline_status(model, options);
	cwr_model_free(model);
	return error;
}
