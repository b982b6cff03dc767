/* SPDX-License-Identifier: MIT */
/*
 * Keeps what is known of unrecorded processes; see unrecorded.h.
 */
#include "cmd/unrecorded.h"

#include "kernel/kernel.h"
#include "kernel/proc.h"
#include "model/arena.h"

#include <unistd.h>

/* Why. */
enum kind { REFUSED, FILTERED, STRANGER };

static const struct {
	const char *off, *limit;
} words[] = {
	[REFUSED] = {CWR_OFF_REFUSED,
		     "it could have no session, as its standard error said, and has ended, or may "
		     "not be looked at: what it recorded in its memory is not known"},
	[FILTERED] = {CWR_OFF_FILTERED,
		      "a seccomp filter was on when it started, and it has ended, or may not be "
		      "looked at: what it recorded in its memory is not known"},
	[STRANGER] = {"off: no library", "it ran without the library: nothing of it is recorded "
					 "(`cwshim doctor` says why)"},
};

struct cwr_unrecorded_entry {
	pid_t pid;
	enum kind kind;
	int sightings;
	const char *exe;
	char **cmdline;
	struct cwr_unrecorded_entry *next;
};

struct search {
	struct cwr_unrecorded *unrecorded;
	bool has_found;
};

static void add(struct cwr_unrecorded *unrecorded, pid_t pid, enum kind kind, bool is_visible)
{
	struct cwr_unrecorded_entry **link = &unrecorded->entries;

	while (*link && ((*link)->pid != pid || (*link)->kind != kind))
		link = &(*link)->next;
	if (*link) {
		(*link)->sightings++;
		return;
	}
	*link = cwr_model_alloc(unrecorded->model, sizeof(**link));
	**link = (struct cwr_unrecorded_entry){
		.pid = pid,
		.kind = kind,
		.sightings = 1,
		.exe = is_visible ? cwr_proc_exe(unrecorded->model, pid) : NULL,
		.cmdline = is_visible ? cwr_proc_cmdline(unrecorded->model, pid) : NULL,
	};
}

/* Its number may be one of another namespace of processes: is it this one that has the mark? */
void cwr_unrecorded_add_refused(struct cwr_unrecorded *unrecorded, pid_t pid)
{
	struct cwr_traces traces;

	add(unrecorded, pid, REFUSED, cwr_proc_read_traces(pid, &traces) && traces.is_refused);
}

static void visit(void *context, pid_t pid)
{
	struct search *search = context;
	struct cwr_traces traces;

	if (cwr_proc_count_filters(pid) == cwr_proc_count_filters(getpid()) ||
	    !cwr_proc_read_traces(pid, &traces) || !traces.has_library || traces.has_session ||
	    !cwr_proc_has_in_environment(pid, search->unrecorded->session_dir))
		return;
	add(search->unrecorded, pid, FILTERED, true);
	search->has_found = true;
}

void cwr_unrecorded_find_filtered(struct cwr_unrecorded *unrecorded)
{
	struct search search = {.unrecorded = unrecorded};

	cwr_proc_each_pid(visit, &search);
	unrecorded->has_unknown |= !search.has_found;
}

struct stranger_search {
	struct cwr_unrecorded *unrecorded;
	pid_t command;
	const struct cwr_diag *diag;
	bool is_relevant;
	bool is_command;
};

static void visit_link(void *context, int fd, const char *link)
{
	struct stranger_search *search = context;
	uint64_t inode = cwr_proc_inode_in(link);

	(void)fd;
	search->is_relevant |=
		inode && (search->is_command || cwr_diag_by_inode(search->diag, inode));
}

static void visit_descendant(void *context, pid_t pid)
{
	struct stranger_search *search = context;
	struct cwr_traces traces;

	if (!cwr_proc_read_traces(pid, &traces) || traces.has_library)
		return;
	search->is_relevant = false;
	search->is_command = pid == search->command;
	cwr_proc_each_link(pid, visit_link, search);
	if (search->is_relevant)
		add(search->unrecorded, pid, STRANGER, true);
}

void cwr_unrecorded_find_strangers(struct cwr_unrecorded *unrecorded, pid_t command,
				   const struct cwr_diag *diag)
{
	struct stranger_search search = {
		.unrecorded = unrecorded, .command = command, .diag = diag};

	cwr_proc_each_descendant(getpid(), visit_descendant, &search);
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
	struct cwr_process *process;

	/* One that is there holds sockets of ours, and that it is without the library is said. */
	if (entry->kind == STRANGER &&
	    (entry->sightings < 2 || cwr_model_find_process(model, entry->pid)))
		return;
	process = process_of(model, entry->pid, entry->exe, entry->cmdline);
	if (!process)
		return;
	process->has_shim = entry->kind != STRANGER;
	process->off = words[entry->kind].off;
	cwr_model_add_limit(model, process, words[entry->kind].limit);
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
