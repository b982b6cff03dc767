/* SPDX-License-Identifier: MIT */
/*
 * cwshim run: runs a command under the shim and writes one report for its process tree.
 *
 * Each process that ends with sockets to tell of says so in a FIFO and waits at the door until it
 * has been looked at from outside.  Meanwhile the kernel is asked once a second which connections
 * stand in CLOSE_WAIT.  When COMMAND has ended, the sessions are read and joined with what was
 * seen.
 */
#include "cmd/commands.h"
#include "cmd/keep.h"
#include "cmd/launch.h"
#include "cmd/pipeline.h"
#include "cmd/rundir.h"
#include "cmd/sampler.h"
#include "cmd/sources.h"
#include "cmd/talk.h"
#include "cmd/unrecorded.h"
#include "session/dir.h"
#include "util/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

struct run {
	const struct cwr_options *options;
	struct cwr_rundir dir;
	struct cwr_keep keep;
	struct cwr_unrecorded unrecorded;
	struct cwr_sampler sampler;
	sigset_t mask; /* as it was */
	int signals;   /* -1, or a signalfd of those that are passed on, and SIGCHLD */
	pid_t pid;
	bool has_ended;
	int wait_status;
};

/*
 * The terminal sends SIGINT and SIGQUIT to COMMAND too; what is sent to us alone is passed on.
 */
static struct cwr_error *take_signals(struct run *run)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ours, &run->mask);
	run->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals < 0 ? cwr_error_new(CWR_EXIT_INPUT, "signalfd: %s", strerror(errno))
				: NULL;
}

static void pass_signals_on(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD && !run->has_ended)
			kill(run->pid, (int)info.ssi_signo);
}

/* Returns false once there is no child left. */
static bool reap(struct run *run)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != run->pid)
			continue;
		run->has_ended = true;
		run->wait_status = status;
	}
	return pid == 0;
}

/* Looks at a process that is about to end. */
static void look_at(struct run *run, struct cwr_talk *talk, const char *path)
{
	CWR_AUTO_KERNEL_LIST struct cwr_kernel_list *list = cwr_kernel_list();
	struct cwr_model *model = NULL;
	struct cwr_error *error = cwr_pipeline_start(run->options, "run", &model);

	if (!error)
		error = cwr_sources_load_path(model, path);
	if (!error)
		error = cwr_pipeline_judge(model, list);
	if (!error) {
		cwr_keep_add(&run->keep, model, path);
		cwr_pipeline_keep_own(model, cwr_model_find_path(model, path));
		cwr_talk_captured(talk, cwr_pipeline_count_failing(model));
	}
	cwr_error_free(error);
	cwr_model_free(model);
}

/* A session that cannot be read costs what could have been seen, not the report. */
static void serve_ending(struct run *run, const char *path)
{
	struct cwr_talk talk;
	struct cwr_error *error = cwr_talk_open(&talk, path);

	if (!error) {
		look_at(run, &talk, path);
		cwr_talk_captured(&talk, 0);
		cwr_talk_close(&talk);
	}
	cwr_error_free(error);
}

/* What the processes have to say. */
static void listen_to_all(struct run *run)
{
	pid_t refused;
	char *path;

	if (cwr_rundir_has_filtered(&run->dir))
		cwr_unrecorded_find_filtered(&run->unrecorded);
	while ((path = cwr_rundir_next(&run->dir, &refused)) || refused) {
		if (path)
			serve_ending(run, path);
		else
			cwr_unrecorded_add_refused(&run->unrecorded, refused);
		free(path);
	}
	run->sampler.memories.is_on = run->dir.has_memories;
}

static void watch(struct run *run)
{
	struct pollfd polled[] = {
		{.fd = run->signals, .events = POLLIN},
		{.fd = run->dir.fifo, .events = POLLIN},
		{.fd = run->dir.datagrams, .events = POLLIN},
		{.fd = run->dir.opened, .events = POLLIN},
	};
	bool has_children = true;

	while (run->options->wait_all ? has_children : !run->has_ended) {
		if (poll(polled, sizeof(polled) / sizeof(polled[0]),
			 cwr_sampler_wait_ms(&run->sampler)) < 0 &&
		    errno != EINTR)
			break;
		pass_signals_on(run);
		listen_to_all(run);
		cwr_sampler_look(&run->sampler);
		has_children = reap(run);
	}
	listen_to_all(run);
	cwr_sampler_look_now(&run->sampler);
}

static struct cwr_error *write_report(struct run *run, struct cwr_model *model)
{
	CWR_AUTO_KERNEL_LIST struct cwr_kernel_list *list = cwr_kernel_list();
	struct cwr_session_list sessions;
	struct cwr_error *error = cwr_session_dir_list(run->dir.path, &sessions);
	unsigned int unreadable;

	if (!error) {
		cwr_sources_load_all(model, &sessions, &unreadable);
		cwr_keep_apply(&run->keep, model);
		cwr_sampler_apply(&run->sampler, model);
		error = cwr_pipeline_judge(model, list);
	}
	if (!error)
		error = cwr_pipeline_explain(model);
	cwr_unrecorded_apply(&run->unrecorded, run->pid, run->options->args);
	/* A file that was asked for is there to be read by a program: it is written also without
	 * news. */
	if (!error && (run->options->output || cwr_pipeline_has_news(model)))
		error = cwr_pipeline_write(model, run->options, stderr);
	cwr_session_list_free(&sessions);
	return error;
}

/* COMMAND's own exit status, unless the user asked for another one if findings fail. */
static int exit_status(const struct run *run, const struct cwr_model *model)
{
	if (run->options->error_exitcode >= 0 && cwr_pipeline_count_failing(model))
		return run->options->error_exitcode;
	return WIFSIGNALED(run->wait_status) ? 128 + WTERMSIG(run->wait_status)
					     : WEXITSTATUS(run->wait_status);
}

static struct cwr_error *run_and_report(struct run *run, struct cwr_model *model, int *ret_status)
{
	const struct cwr_launch launch = {
		.argv = run->options->args,
		.session_dir = run->dir.path,
		.notify = run->dir.fifo_path,
		.mask = &run->mask,
		.late_s = run->options->late_s,
	};
	struct cwr_error *error = take_signals(run);

	run->unrecorded.model = model;
	run->unrecorded.session_dir = run->dir.path;
	cwr_sampler_start(&run->sampler, run->options, &run->unrecorded);
	if (!error && run->options->wait_all)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!error)
		error = cwr_launch(&launch, &run->pid);
	if (error)
		return error;
	run->sampler.command = run->pid;
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	watch(run);
	error = write_report(run, model);
	*ret_status = exit_status(run, model);
	return error;
}

static struct cwr_error *run_command(const struct cwr_options *options, int *ret_status)
{
	struct run run = {.options = options,
			  .dir = {.fifo = -1, .datagrams = -1, .opened = -1},
			  .signals = -1};
	CWR_AUTO_FREE char *dir = cwr_session_dir_choose(options->session_dir);
	struct cwr_model *model = NULL;
	struct cwr_error *error;

	if (!options->nargs)
		return cwr_error_new(CWR_EXIT_USAGE, "no command to run (see `cwshim run --help`)");
	error = cwr_pipeline_start(options, "run", &model);
	if (!error)
		error = cwr_rundir_open(&run.dir, dir);
	if (!error)
		error = run_and_report(&run, model, ret_status);
	cwr_rundir_close(&run.dir);
	if (run.signals >= 0)
		close(run.signals);
	cwr_keep_free(&run.keep);
	cwr_sampler_free(&run.sampler);
	cwr_model_free(model);
	return error;
}

const struct cwr_command cwr_command_run = {
	.name = "run",
	.argp = &cwr_argp_run,
	.stops_at_first_argument = true,
	.run = run_command,
};
