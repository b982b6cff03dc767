/* SPDX-License-Identifier: MIT */
/*
 * What `cwshim list` shows of each session; see listing.h.
 */
#include "cmd/listing.h"

#include "cmd/memory.h"
#include "cmd/sources.h"
#include "kernel/kernel.h"
#include "kernel/memory.h"
#include "model/arena.h"

#include <string.h>
#include <time.h>

static const char *state_of(struct cwr_model *model, const struct cwr_process *process)
{
	switch (process->end) {
	case CWR_END_RUNNING:
		return "running";
	case CWR_END_EXITED:
		return cwr_model_printf(model, "exited %d", process->end_status);
	case CWR_END_SIGNALED:
		return cwr_model_printf(model, "signal %d", process->end_status);
	case CWR_END_EXEC:
		return "exec";
	case CWR_END_UNKNOWN:
		break;
	}
	return "gone";
}

static const char *start_of(struct cwr_model *model, const struct cwr_process *process)
{
	time_t seconds = (time_t)(process->started_real_ns / 1000000000);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	return cwr_model_strdup(model, text);
}

static const char *command_of(struct cwr_model *model, const struct cwr_process *process)
{
	const char *command = NULL;

	for (char **argument = process->cmdline; argument && *argument; argument++)
		command =
			command ? cwr_model_printf(model, "%s %s", command, *argument) : *argument;
	return command ? command : process->exe ? process->exe : "";
}

static void count_sockets(const struct cwr_model *model, const struct cwr_process *process,
			  struct cwr_listing *row)
{
	for (const struct cwr_socket *s = model->sockets; s; s = s->next) {
		const struct cwr_holder *h = s->holders;

		while (h && !(h->process == process && h->is_open))
			h = h->next;
		row->sockets += h != NULL;
		row->fin_seen += h && s->peer_has_closed;
	}
}

static void fill(struct cwr_model *model, const struct cwr_process *process,
		 const struct cw_session_header *header, struct cwr_listing *row)
{
	row->pid = process->pid;
	row->state = state_of(model, process);
	row->started = start_of(model, process);
	row->off = process->off;
	row->command = command_of(model, process);
	row->path = process->is_in_memory ? NULL : process->session_path;
	row->created = header ? header->created : 0;
	row->closed = header ? header->closed : 0;
	count_sockets(model, process, row);
}

/* What no file tells: processes without a session, or with one in their memory. */
static void fill_without_file(struct cwr_model *model, const struct cwr_process *process,
			      struct cwr_listing *row)
{
	struct cw_session_header header;
	uint64_t address;
	bool is_there = process->is_in_memory && cwr_memory_find(process->pid, &address, &header);

	fill(model, process, is_there ? &header : NULL, row);
}

static size_t count_processes(const struct cwr_model *model)
{
	size_t n = 0;

	for (const struct cwr_process *p = model->processes; p; p = p->next)
		n++;
	return n;
}

struct cwr_error *cwr_listing_make(const struct cwr_options *options, struct cwr_model **ret_model,
				   struct cwr_listing **ret_rows, size_t *ret_n)
{
	CWR_AUTO_KERNEL_LIST struct cwr_kernel_list *kernel = cwr_kernel_list();
	struct cwr_session_list list;
	struct cwr_error *error = cwr_sources_list(options, &list);
	struct cwr_model *model = *ret_model = cwr_model_new();
	unsigned int unreadable;

	if (!model)
		cwr_out_of_memory();
	if (!error) {
		cwr_sources_load_all(model, &list, &unreadable);
		cwr_memory_load_all(model);
		cwr_kernel_find_unrecorded(model);
		error = cwr_kernel_observe(model, kernel);
	}
	*ret_rows = cwr_model_alloc(model, (count_processes(model) + 1) * sizeof(**ret_rows));
	*ret_n = 0;
	for (size_t i = 0; !error && i < list.n; i++) {
		const struct cwr_process *p = cwr_model_find_path(model, list.entries[i].path);

		if (p)
			fill(model, p, &list.entries[i].header, &(*ret_rows)[(*ret_n)++]);
	}
	for (const struct cwr_process *p = model->processes; !error && p; p = p->next)
		if (p->off && (!p->session_path || p->is_in_memory))
			fill_without_file(model, p, &(*ret_rows)[(*ret_n)++]);
	cwr_session_list_free(&list);
	return error;
}
