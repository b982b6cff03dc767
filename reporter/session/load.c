/* SPDX-License-Identifier: MIT */
/*
 * Reads one session into the model: the process itself here, its tables and sockets elsewhere.
 */
#include "session/session.h"

#include "session/loader.h"

#include <stdio.h>
#include <string.h>

/* cmdline is `length` bytes of arguments, each ended by a NUL; the last one may have been cut. */
static char **split_cmdline(struct cwr_model *model, const char *cmdline, size_t length)
{
	size_t n = 0;
	char **arguments;

	for (size_t i = 0; i < length; i++)
		n += i + 1 == length || !cmdline[i];
	arguments = cwr_model_alloc(model, (n + 1) * sizeof(*arguments));
	for (size_t i = 0, at = 0; i < n; i++) {
		size_t size = strnlen(cmdline + at, length - at);

		arguments[i] = cwr_model_printf(model, "%.*s", (int)size, cmdline + at);
		at += size + 1;
	}
	return arguments;
}

static void read_end(struct cwr_process *process, const struct cw_session_header *header)
{
	static const enum cwr_end ends[] = {
		[CW_END_NONE] = CWR_END_RUNNING,
		[CW_END_EXITED] = CWR_END_EXITED,
		[CW_END_SIGNALED] = CWR_END_SIGNALED,
		[CW_END_EXEC] = CWR_END_EXEC,
	};

	process->end =
		header->end < sizeof(ends) / sizeof(ends[0]) ? ends[header->end] : CWR_END_UNKNOWN;
	process->end_status = header->end_status;
	process->t_exit = header->t_exit;
	process->is_sudden = header->flags & CW_SESSION_SUDDEN;
}

static void read_process(struct cwr_model *model, struct cwr_process *process,
			 const struct cwr_session_file *file)
{
	const struct cw_session_header *header = &file->header;

	process->ppid = header->ppid;
	process->session_pid = header->pid;
	process->pidns = header->pidns;
	process->start_ticks = header->start_ticks;
	process->exe = header->exe[0] ? cwr_model_strdup(model, header->exe) : NULL;
	process->cmdline = split_cmdline(model, header->cmdline, header->cmdline_len);
	process->started_real_ns = (int64_t)header->t_start_real;
	process->t_session = header->t_start;
	process->has_shim = true;
	process->session_path = cwr_model_strdup(model, file->path);
	process->parent_pid = header->from_fork ? header->parent_pid : 0;
	process->parent_fork_seq = header->parent_fork_seq;
	process->parent_t_session = header->parent_t_start;
	process->emfile = header->emfile;
	process->late_s = (double)header->late / 1e9;
	process->netns = header->netns;
	read_end(process, header);
}

static void say_off(struct cwr_loader *loader)
{
	static const struct {
		const char *name, *because;
	} reasons[] = {
		[CW_OFF_NO] = {"off: unknown", "of an unknown reason"},
		[CW_OFF_SPACE] = {"off: no room", "there was no room for its session"},
		[CW_OFF_INTERNAL] = {"off: internal error", "of an internal error"},
	};
	const struct cw_session_header *header = &loader->file->header;
	uint32_t off = header->off;

	if (off == CW_OFF_NO)
		return;
	if (off >= sizeof(reasons) / sizeof(reasons[0]))
		off = CW_OFF_NO;
	loader->process->off = reasons[off].name;
	cwr_model_add_limit(
		loader->model, loader->process,
		cwr_model_printf(loader->model, "recording was switched off, because %s%s%s",
				 reasons[off].because, header->off_errno > 0 ? ": " : "",
				 header->off_errno > 0 ? strerror(header->off_errno) : ""));
}

/* A sandbox limits what is recorded, and a session in memory goes with its process. */
static void say_sandboxed(struct cwr_loader *loader)
{
	uint32_t flags = loader->file->header.flags;
	const char *at_end = loader->file->base ? ", and at its end nothing is left" : "";
	const char *said = NULL;

	loader->process->is_in_memory = flags & CW_SESSION_IN_MEMORY;
	if (flags & CW_SESSION_IN_MEMORY && !(flags & CW_SESSION_SANDBOXED)) {
		loader->process->off = "memory only: no session";
		said = "it could have no session, as its standard error said: it is recorded in "
		       "its memory alone";
	} else if (flags & CW_SESSION_IN_MEMORY) {
		loader->process->off = "memory only: sandbox";
		said = "it is recorded in its memory alone, because of a seccomp filter: sockets "
		       "are known by their numbers";
	} else if (flags & CW_SESSION_SANDBOXED) {
		loader->process->off = "limited: sandbox";
		said = "it has set a seccomp filter: sockets that came since are known by their "
		       "numbers, and it makes no report by itself";
		at_end = "";
	}
	if (said)
		cwr_model_add_limit(loader->model, loader->process,
				    cwr_model_printf(loader->model, "%s%s", said, at_end));
}

/* What the shim itself knows to have lost. */
static void say_losses(struct cwr_loader *loader)
{
	const struct cw_session_header *header = &loader->file->header;
	const struct {
		uint64_t count;
		const char *what;
	} losses[] = {
		{header->lost_stacks, "stacks were not recorded: no room"},
		{header->lost_slots, "sockets were not recorded: descriptor above the table"},
		{header->lost_handed,
		 "closed sockets with copies in other processes were forgotten: no room"},
		{header->forgotten,
		 "sessions of forked children that had ended were removed: no room"},
		{header->lost_sessions,
		 "forked children could have no session (a chroot, another user): what they opened "
		 "is recorded in their memory alone"},
	};

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (losses[i].count)
			cwr_model_add_limit(loader->model, loader->process,
					    cwr_model_printf(loader->model, "%llu %s",
							     (unsigned long long)losses[i].count,
							     losses[i].what));
}

static struct cwr_process *read_session(struct cwr_model *model,
					const struct cwr_session_file *file)
{
	struct cwr_loader loader = {.model = model, .file = file};

	loader.process = cwr_join_process(model, &file->header);
	read_process(model, loader.process, file);
	say_sandboxed(&loader);
	say_off(&loader);
	say_losses(&loader);
	cwr_loader_read_tables(&loader);
	loader.process->executed =
		cwr_loader_mark(&loader, &file->header.executed, loader.process->pid, -1);
	cwr_loader_read_sockets(&loader);
	cwr_loader_read_events(&loader);
	cwr_loader_free(&loader);
	cwr_join_family(model, loader.process);
	return loader.process;
}

struct cwr_error *cwr_session_load(struct cwr_model *model, const char *path)
{
	struct cwr_session_file file;
	struct cwr_error *error = cwr_session_file_open(&file, path);

	if (error)
		return error;
	if (!file.header.ready)
		error = cwr_error_new(CWR_EXIT_INPUT,
				      "%s: unfinished session: the process was starting", path);
	else
		error = cwr_session_file_check_size(&file);
	if (!error)
		read_session(model, &file);
	cwr_session_file_close(&file);
	return error;
}

struct cwr_error *cwr_session_load_earlier(struct cwr_model *model, struct cwr_session_file *file,
					   const struct cw_slot *slots, size_t n)
{
	struct cwr_loader loader = {.model = model, .file = file};
	struct cwr_error *error = cwr_session_file_refresh(file);

	if (!error)
		error = cwr_session_file_check_size(file);
	if (error)
		return error;
	loader.process = cwr_model_find_path(model, file->path);
	if (!loader.process)
		loader.process = read_session(model, file);
	cwr_loader_read_tables(&loader);
	for (size_t i = 0; i < n; i++)
		cwr_loader_read_earlier(&loader, &slots[i]);
	cwr_loader_free(&loader);
	return NULL;
}

struct cwr_error *cwr_session_load_file(struct cwr_model *model, struct cwr_session_file *file,
					struct cwr_process **ret_process)
{
	struct cwr_error *error = cwr_session_file_refresh(file);

	*ret_process = NULL;
	if (!error)
		error = cwr_session_file_check_size(file);
	if (!error)
		*ret_process = read_session(model, file);
	return error;
}

struct cwr_error *cwr_session_load_memory(struct cwr_model *model, pid_t pid, uint64_t address,
					  const struct cw_session_header *known)
{
	struct cwr_session_file file;
	char path[64];
	struct cwr_error *error;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	error = cwr_session_file_open_memory(&file, path, address, known);
	if (!error)
		error = cwr_session_file_check_size(&file);
	if (!error)
		read_session(model, &file);
	cwr_session_file_close(&file);
	return error;
}
