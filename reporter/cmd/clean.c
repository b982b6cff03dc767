/* SPDX-License-Identifier: MIT */
/*
 * cwshim clean: removes the sessions of ended processes.
 */
#include "cmd/clean.h"

#include "cmd/commands.h"
#include "cmd/options.h"
#include "kernel/pidns.h"
#include "model/arena.h"
#include "session/dir.h"
#include "session/told.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <string.h>

pid_t cwr_session_writer(const struct cw_session_header *header)
{
	if (header->end == CW_END_EXEC)
		return 0;
	return cwr_pidns_find(header->pid, header->start_ticks, header->pidns);
}

bool cwr_session_is_in_use(const struct cw_session_header *header)
{
	return cwr_session_writer(header) != 0;
}

/* The directory of a `cwshim run` that is gone: its FIFO has no reader. */
static void remove_run_dir(const char *path)
{
	CWR_AUTO_FREE char *fifo = NULL, *real = NULL;

	if (asprintf(&fifo, "%s/notify", path) < 0)
		cwr_out_of_memory();
	CWR_AUTO_CLOSE int fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		unlink(fifo);
	/* Fails, as it should, if anything is left in it.  Root's are reached by a link. */
	real = realpath(path, NULL);
	if (!real || rmdir(real) == 0)
		unlink(path);
}

static void remove_run_dirs(const char *path)
{
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CWR_AUTO_FREE char *below = NULL;

		if (strncmp(entry->d_name, "run-", 4) != 0)
			continue;
		if (asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			cwr_out_of_memory();
		remove_run_dir(below);
	}
}

size_t cwr_clean_sessions(const char *dir)
{
	struct cwr_session_list list;
	size_t n = 0;

	cwr_error_free(cwr_session_dir_list(dir, &list));
	for (size_t i = 0; i < list.n; i++)
		if (!list.entries[i].error && !cwr_session_is_in_use(&list.entries[i].header))
			n += unlink(list.entries[i].path) == 0;
	cwr_session_list_free(&list);
	cwr_told_sweep(dir);
	return n;
}

static struct cwr_error *run(const struct cwr_options *options, int *ret_status)
{
	CWR_AUTO_FREE char *dir = cwr_session_dir_choose(options->session_dir);
	struct cwr_error *error = cwr_session_dir_check(dir);
	size_t n;

	if (options->nargs)
		error = cwr_error_new(CWR_EXIT_USAGE, "clean takes no arguments");
	if (error)
		return error;
	n = cwr_clean_sessions(dir);
	remove_run_dirs(dir);
	printf("%zu session%s of ended processes removed\n", n, n == 1 ? "" : "s");
	return NULL;
}

const struct cwr_command cwr_command_clean = {
	.name = "clean",
	.argp = &cwr_argp_clean,
	.run = run,
};
