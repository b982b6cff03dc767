/* SPDX-License-Identifier: MIT */
/*
 * cwshim doctor: would the shim see anything in this program, or does it in this process?
 */
#include "cmd/clean.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "kernel/memory.h"
#include "kernel/proc.h"
#include "model/arena.h"
#include "session/dir.h"
#include "symbolize/program.h"
#include "util/cleanup.h"

#include <string.h>

enum { SCRIPTS_MAX = 4 }; /* the kernel follows as many scripts, execve(2) */

/* One line of the verdict; what it says counts only if it is bad. */
struct verdict {
	const char *subject;
	bool is_living; /* a process, of which the kernel says how it was executed */
	int reasons;
};

static void object(struct verdict *verdict, const char *reason)
{
	printf("%s: no: %s\n", verdict->subject, reason);
	verdict->reasons++;
}

/* What does not keep the shim out, but should be known. */
static void remark(const struct verdict *verdict, const char *remark)
{
	printf("%s: note: %s\n", verdict->subject, remark);
}

static void object_about(struct verdict *verdict, const char *format, const char *what)
{
	char *reason;

	if (asprintf(&reason, format, what) < 0)
		cwr_out_of_memory();
	object(verdict, reason);
	free(reason);
}

static void judge_elf(struct verdict *verdict, const struct cwr_program *program)
{
	struct cwr_program own;
	char name[32];

	cwr_error_free(cwr_program_read("/proc/self/exe", &own));
	if (program->elf_class != own.elf_class || program->machine != own.machine)
		object_about(verdict, "it is made for %s; this libcwshim.so is not",
			     cwr_program_machine_name(program->machine, name));
	else if (!*program->interpreter)
		object(verdict, "it is statically linked: no loader is there to preload anything");
	else if (strcmp(program->interpreter, own.interpreter) != 0)
		object_about(verdict, "its loader is %s: it uses another C library",
			     program->interpreter);
	if (program->is_go)
		object(verdict, "it is a Go program, which makes its system calls without libc");
}

static void judge_program(struct verdict *verdict, const struct cwr_program *program)
{
	if (program->has_own_calls && *program->interpreter && !program->is_go)
		remark(verdict, "it makes system calls on sockets without libc: of those only what "
				"the kernel tells at a report is seen");
	if (program->needs_asan && !verdict->is_living)
		remark(verdict, "it is built with AddressSanitizer, which refuses to start when "
				"another library is loaded first: `cwshim run` permits that; with "
				"LD_PRELOAD set ASAN_OPTIONS=verify_asan_link_order=0");
	if (program->is_php)
		remark(verdict,
		       "it is PHP, which loads its extensions with RTLD_DEEPBIND, past any "
		       "preloaded library: sockets of PHP itself (streams) are seen, those "
		       "that an extension makes (sockets, event) are not");
	if (program->is_privileged && !verdict->is_living)
		object(verdict,
		       "it is set-uid, set-gid or has capabilities: the loader ignores LD_PRELOAD");
	if (program->is_elf)
		judge_elf(verdict, program);
	else
		object(verdict, "it is neither an ELF program nor a script");
}

static struct cwr_error *judge_file(struct verdict *verdict, const char *path)
{
	struct cwr_program program;
	struct cwr_error *error = cwr_program_read(path, &program);
	char interpreter[CWR_INTERPRETER_MAX];

	for (int i = 0; !error && program.is_script && i < SCRIPTS_MAX; i++) {
		printf("%s: a script, run by %s\n", path, program.interpreter);
		snprintf(interpreter, sizeof(interpreter), "%s", program.interpreter);
		path = interpreter;
		error = cwr_program_read(path, &program);
	}
	if (!error)
		judge_program(verdict, &program);
	return error;
}

/* The first executable of that name in a list of directories, which is cut up; NULL: none. */
static char *search(char *list, const char *name)
{
	char *state, *found;

	for (char *dir = strtok_r(list, ":", &state); dir; dir = strtok_r(NULL, ":", &state)) {
		if (asprintf(&found, "%s/%s", dir, name) < 0)
			cwr_out_of_memory();
		if (access(found, X_OK) == 0)
			return found;
		free(found);
	}
	return NULL;
}

/* As a shell looks for it.  NULL: not there.  The caller frees it. */
static char *find_command(const char *name)
{
	const char *path = getenv("PATH");
	char *list, *found;

	if (strchr(name, '/'))
		return strdup(name);
	list = strdup(path ? path : "/usr/bin:/bin");
	found = list ? search(list, name) : NULL;
	free(list);
	return found;
}

static struct cwr_error *judge_command(struct verdict *verdict, const char *name)
{
	char *path = find_command(name);
	struct cwr_error *error;

	if (!path)
		return cwr_error_new(CWR_EXIT_INPUT, "%s: no such command", name);
	error = judge_file(verdict, path);
	free(path);
	return error;
}

/* The number may have been used before, and by the images before an exec: the living one counts. */
static void judge_recording(struct verdict *verdict, pid_t pid, const char *session_dir)
{
	CWR_AUTO_FREE char *dir = cwr_session_dir_choose(session_dir);
	const struct cw_session_header *header = NULL;
	struct cwr_session_list list;

	cwr_error_free(cwr_session_dir_list(dir, &list));
	for (size_t i = 0; i < list.n; i++)
		if (!list.entries[i].error && cwr_session_writer(&list.entries[i].header) == pid)
			header = &list.entries[i].header;
	if (!header)
		printf("%s: has no session in %s: it has opened no socket of its own, or its "
		       "sessions are kept elsewhere\n",
		       verdict->subject, dir);
	else if (header->off)
		object(verdict, "recording was switched off (see `cwshim list`)");
	cwr_session_list_free(&list);
}

static void judge_absence(struct verdict *verdict, pid_t pid)
{
	if (cwr_proc_is_secure(pid) > 0)
		object(verdict, "it was executed set-uid, set-gid or with capabilities: the loader "
				"ignored LD_PRELOAD");
	else if (cwr_proc_has_in_environment(pid, "/libcwshim.so"))
		object(verdict, "the shim is not in it though its environment names it: the loader "
				"found no such file, or one that does not fit");
	else
		object(verdict,
		       "the shim is not in it: it was not started with LD_PRELOAD, or whoever "
		       "started it dropped that from the environment");
}

static void judge_refused(struct verdict *verdict, pid_t pid)
{
	struct cw_session_header header;
	uint64_t address;

	if (cwr_memory_find(pid, &address, &header))
		remark(verdict, "it could have no session, as its standard error said, and is "
				"recorded in its memory alone: ask `cwshim report PID` as long as "
				"it lives");
	else
		object(verdict, "it could have no session, as its standard error said");
}

/* Under a filter from its start: it can make no file. */
static void judge_filtered(struct verdict *verdict, pid_t pid)
{
	struct cw_session_header header;
	uint64_t address;

	if (cwr_memory_find(pid, &address, &header))
		remark(verdict, "it was under a seccomp filter from its start, and is recorded in "
				"its memory alone: ask `cwshim report PID` as long as it lives "
				"(see the option seccomp)");
	else
		object(verdict, "it is in a seccomp sandbox, and has opened no socket of its own "
				"(see the option seccomp)");
}

static void judge_traces(struct verdict *verdict, pid_t pid, const char *session_dir)
{
	const bool is_filtered = cwr_proc_is_filtered(pid);
	struct cwr_traces traces;

	if (!cwr_proc_read_traces(pid, &traces))
		object(verdict, "its maps may not be read: ask as its user, or as root");
	else if (!traces.has_library)
		judge_absence(verdict, pid);
	else if (traces.is_refused)
		judge_refused(verdict, pid);
	else if (!traces.has_session && is_filtered)
		judge_filtered(verdict, pid);
	else
		judge_recording(verdict, pid, session_dir);
	if (traces.has_session && is_filtered)
		remark(verdict, "it is under a seccomp filter: it makes no report by itself, "
				"`cwshim report PID` does as long as it lives");
	if (cwr_proc_has_ring(pid))
		remark(verdict, "it uses io_uring: of what it does by that only what the kernel "
				"tells at a report is seen");
}

static struct cwr_error *judge_process(struct verdict *verdict, pid_t pid, const char *session_dir)
{
	CWR_AUTO_FREE char *path = NULL;
	struct cwr_proc_stat stat;
	struct cwr_error *error;

	verdict->is_living = true;
	if (!cwr_proc_stat(pid, &stat))
		return cwr_error_new(CWR_EXIT_INPUT, "no process %d", pid);
	if (asprintf(&path, "/proc/%d/exe", pid) < 0)
		cwr_out_of_memory();
	error = judge_file(verdict, path);
	if (!error)
		judge_traces(verdict, pid, session_dir);
	return error;
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 9;
}

static struct cwr_error *run(const struct cwr_options *options, int *ret_status)
{
	struct verdict verdict = {0};
	struct cwr_error *error;

	if (options->nargs < 1)
		return cwr_error_new(CWR_EXIT_USAGE, "doctor wants a process id or a command");
	verdict.subject = options->args[0];
	if (is_number(verdict.subject))
		error = judge_process(&verdict, atoi(verdict.subject), options->session_dir);
	else
		error = judge_command(&verdict, verdict.subject);
	if (!error && !verdict.reasons)
		printf("%s: yes: the shim sees its sockets\n", verdict.subject);
	*ret_status = verdict.reasons ? CWR_EXIT_FINDINGS : CWR_EXIT_OK;
	return error;
}

const struct cwr_command cwr_command_doctor = {
	.name = "doctor",
	.argp = &cwr_argp_doctor,
	.stops_at_first_argument = true,
	.run = run,
};
