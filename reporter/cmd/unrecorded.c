/* SPDX-License-Identifier: MIT */
/*
 * Keeps what is known of unrecorded processes; see unrecorded.h.
 */
#include "cmd/unrecorded.h"

#include "kernel/kernel.h"
#include "kernel/proc.h"
#include "model/arena.h"

#include <unistd.h>

struct cwr_unrecorded_entry {
	pid_t pid;
	bool is_filtered; /* else it was refused a session */
	const char *exe;
	char **cmdline;
	struct cwr_unrecorded_entry *next;
};

struct search {
	struct cwr_unrecorded *unrecorded;
	bool has_found;
};

static void add(struct cwr_unrecorded *unrecorded, pid_t pid, bool is_filtered, bool is_visible)
{
	struct cwr_unrecorded_entry **link = &unrecorded->entries;

	for (; *link; link = &(*link)->next)
		if ((*link)->pid == pid && (*link)->is_filtered == is_filtered)
			return;
	*link = cwr_model_alloc(unrecorded->model, sizeof(**link));
	**link = (struct cwr_unrecorded_entry){
		.pid = pid,
		.is_filtered = is_filtered,
		.exe = is_visible ? cwr_proc_exe(unrecorded->model, pid) : NULL,
		.cmdline = is_visible ? cwr_proc_cmdline(unrecorded->model, pid) : NULL,
	};
}

/* Its number may be one of another namespace of processes: is it this one that has the mark? */
void cwr_unrecorded_add_refused(struct cwr_unrecorded *unrecorded, pid_t pid)
{
	struct cwr_traces traces;

	add(unrecorded, pid, false, cwr_proc_read_traces(pid, &traces) && traces.is_refused);
}

static void visit(void *context, pid_t pid)
{
	struct search *search = context;
	struct cwr_traces traces;

	if (cwr_proc_count_filters(pid) == cwr_proc_count_filters(getpid()) ||
	    !cwr_proc_read_traces(pid, &traces) || !traces.has_library || traces.has_session ||
	    !cwr_proc_has_in_environment(pid, search->unrecorded->session_dir))
		return;
	add(search->unrecorded, pid, true, true);
	search->has_found = true;
}

void cwr_unrecorded_find_filtered(struct cwr_unrecorded *unrecorded)
{
	struct search search = {.unrecorded = unrecorded};

	cwr_proc_each_pid(visit, &search);
	unrecorded->has_unknown |= !search.has_found;
}

/* The process in the model, added if need be; NULL: it has a session after all. */
static struct cwr_process *process_of(struct cwr_model *model, pid_t pid, const char *exe,
				      char **cmdline)
{
	struct cwr_process *process = cwr_model_find_process(model, pid);

	if (process && process->session_path && process->end != CWR_END_EXEC)
		return NULL;
	if (process && !process->session_path)
		return process;
	process = cwr_model_add_process(model, pid);
	process->ppid = -1;
	process->exe = exe;
	process->cmdline = cmdline;
	process->has_shim = true;
	return process;
}

static void apply(struct cwr_model *model, const struct cwr_unrecorded_entry *entry)
{
	struct cwr_process *process = process_of(model, entry->pid, entry->exe, entry->cmdline);

	if (!process)
		return;
	process->off = entry->is_filtered ? CWR_OFF_FILTERED : CWR_OFF_REFUSED;
	cwr_model_add_limit(model, process,
			    entry->is_filtered ? CWR_LIMIT_FILTERED : CWR_LIMIT_REFUSED);
}

static void apply_unknown(struct cwr_model *model, pid_t command, char **argv)
{
	struct cwr_process *process = cwr_model_find_process(model, command);

	if (!process)
		process = process_of(model, command, NULL, argv);
	if (!process->session_path)
		process->off = CWR_OFF_FILTERED;
	cwr_model_add_limit(model, process,
			    "it, or a process that it started, was under a seccomp filter from its "
			    "start: nothing of that one is recorded (see the option seccomp)");
}

void cwr_unrecorded_apply(const struct cwr_unrecorded *unrecorded, pid_t command, char **argv)
{
	for (const struct cwr_unrecorded_entry *e = unrecorded->entries; e; e = e->next)
		apply(unrecorded->model, e);
	if (unrecorded->has_unknown)
		apply_unknown(unrecorded->model, command, argv);
}
