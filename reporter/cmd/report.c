/* SPDX-License-Identifier: MIT */
/*
 * cwshim report: a report from the sessions of living or ended processes.
 */
#include "cmd/clean.h"
#include "cmd/commands.h"
#include "cmd/from_shim.h"
#include "cmd/memory.h"
#include "cmd/pipeline.h"
#include "cmd/sources.h"
#include "session/dir.h"
#include "session/told.h"
#include "util/cleanup.h"

#include <limits.h>
#include <string.h>

/* 0: the argument is no process number but a path. */
static pid_t parse_pid(const char *argument)
{
	char *end;
	long value = strtol(argument, &end, 10);

	return *argument >= '1' && *argument <= '9' && !*end && value <= INT_MAX ? (pid_t)value : 0;
}

static struct cwr_error *load_pid(struct cwr_model *model, const struct cwr_options *options,
				  struct cwr_kernel_list *kernel, pid_t pid)
{
	CWR_AUTO_FREE char *dir = cwr_session_dir_choose(options->session_dir);
	struct cwr_session_list list;
	struct cwr_error *error = cwr_sources_list(options, &list);

	cwr_kernel_list_add(kernel, pid);
	if (!error)
		error = cwr_sources_load_pid(model, &list, kernel, pid, dir);
	cwr_session_list_free(&list);
	return error;
}

static struct cwr_error *load_path(struct cwr_model *model, struct cwr_kernel_list *kernel,
				   const char *path)
{
	struct cw_session_header header;
	struct cwr_error *error = cwr_session_read_header(path, &header);

	if (!error && cwr_session_writer(&header))
		cwr_kernel_list_add(kernel, cwr_session_writer(&header));
	cwr_error_free(error);
	return cwr_sources_load_path(model, path);
}

static struct cwr_error *load_arguments(struct cwr_model *model, const struct cwr_options *options,
					struct cwr_kernel_list *kernel)
{
	struct cwr_error *error = NULL;

	for (int i = 0; i < options->nargs && !error; i++) {
		pid_t pid = parse_pid(options->args[i]);

		error = pid ? load_pid(model, options, kernel, pid)
			    : load_path(model, kernel, options->args[i]);
	}
	return error;
}

/* Containers' processes may share a directory of sessions. */
static void add_namespaces(struct cwr_kernel_list *kernel, const struct cwr_session_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct cwr_session_entry *entry = &list->entries[i];
		pid_t pid = entry->error ? 0 : cwr_session_writer(&entry->header);

		if (pid)
			cwr_kernel_list_add(kernel, pid);
	}
}

static struct cwr_error *load(struct cwr_model *model, const struct cwr_options *options,
			      struct cwr_kernel_list *kernel, unsigned int *ret_unreadable)
{
	struct cwr_session_list list;
	struct cwr_error *error;

	*ret_unreadable = 0;
	if (options->nargs)
		return load_arguments(model, options, kernel);
	error = cwr_sources_list(options, &list);
	if (!error)
		add_namespaces(kernel, &list);
	if (!error)
		cwr_sources_load_all(model, &list, ret_unreadable);
	if (!error)
		cwr_memory_load_all(model);
	if (!error)
		cwr_kernel_find_unrecorded(model);
	cwr_session_list_free(&list);
	return error;
}

static struct cwr_error *report(struct cwr_model *model, const struct cwr_options *options,
				int *ret_status)
{
	CWR_AUTO_KERNEL_LIST struct cwr_kernel_list *list = cwr_kernel_list();
	unsigned int unreadable;
	struct cwr_error *error = load(model, options, list, &unreadable);

	if (!error)
		error = cwr_pipeline_judge(model, list);
	if (!error)
		error = cwr_pipeline_explain(model);
	if (!error)
		error = cwr_pipeline_write(model, options, stdout);
	if (!error)
		cwr_told_write(model);
	*ret_status = cwr_pipeline_status(model, options);
	if (*ret_status == CWR_EXIT_OK && unreadable)
		*ret_status = CWR_EXIT_INPUT;
	return error;
}

static struct cwr_error *run(const struct cwr_options *options, int *ret_status)
{
	struct cwr_model *model = NULL;
	struct cwr_error *error;

	if (options->from_shim)
		return cwr_report_from_shim(options, ret_status);
	error = cwr_pipeline_start(options, "report", &model);
	if (!error)
		error = report(model, options, ret_status);
	cwr_model_free(model);
	return error;
}

const struct cwr_command cwr_command_report = {
	.name = "report",
	.argp = &cwr_argp_report,
	.run = run,
};
