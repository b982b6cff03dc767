/* SPDX-License-Identifier: MIT */
/*
 * Which sessions a report is made from; see sources.h.
 */
#include "cmd/sources.h"

#include "cmd/kin.h"
#include "cmd/memory.h"

#include "model/arena.h"
#include "util/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct cwr_error *cwr_sources_list(const struct cwr_options *options,
				   struct cwr_session_list *ret_list)
{
	CWR_AUTO_FREE char *dir = cwr_session_dir_choose(options->session_dir);
	struct cwr_error *error = cwr_session_dir_check(dir);

	*ret_list = (struct cwr_session_list){0};
	return error ? error : cwr_session_dir_list(dir, ret_list);
}

enum { COOKIES_LOOKED_FOR = 256 };

static const char *name_in(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The names of sessions are unique, the ways to them are not. */
static bool is_loaded(const struct cwr_model *model, const char *path)
{
	for (const struct cwr_process *p = model->processes; p; p = p->next)
		if (p->session_path && !strcmp(name_in(p->session_path), name_in(path)))
			return true;
	return false;
}

/* One process may be named twice, or be a relative of another one. */
static struct cwr_error *load(struct cwr_model *model, const char *path)
{
	return is_loaded(model, path) ? NULL : cwr_session_load(model, path);
}

/* Returns true if there was something to say. */
static bool say(struct cwr_error *error)
{
	if (error)
		fprintf(stderr, "cwshim: %s\n", error->message);
	cwr_error_free(error);
	return error;
}

void cwr_sources_load_all(struct cwr_model *model, const struct cwr_session_list *list,
			  unsigned int *ret_unreadable)
{
	*ret_unreadable = 0;
	for (size_t i = 0; i < list->n; i++) {
		const char *path = list->entries[i].path;
		struct cwr_error *error = load(model, path);

		/* A process that ended clean a moment ago has removed its session. */
		if (error && access(path, F_OK) < 0 && errno == ENOENT)
			cwr_error_free(error);
		else
			*ret_unreadable += say(error);
	}
}

/* What is wrong with a relative's session is no obstacle: it is as one that is not there. */
static void load_relatives(struct cwr_model *model, const struct cwr_session_list *list,
			   size_t start)
{
	CWR_AUTO_FREE bool *is_relative = calloc(list->n, sizeof(*is_relative));

	if (!is_relative)
		cwr_out_of_memory();
	cwr_session_find_relatives(list, start, is_relative);
	for (size_t i = 0; i < list->n; i++)
		if (is_relative[i] && i != start)
			cwr_error_free(load(model, list->entries[i].path));
}

/* The directory that path is in; the caller frees it. */
static char *directory_of(const char *path)
{
	int length = (int)(name_in(path) - path);
	char *dir;

	while (length > 1 && path[length - 1] == '/')
		length--;
	if (asprintf(&dir, "%.*s", length ? length : 1, length ? path : ".") < 0)
		cwr_out_of_memory();
	return dir;
}

static void load_relatives_of_path(struct cwr_model *model, const char *path)
{
	CWR_AUTO_FREE char *dir = directory_of(path);
	struct cwr_session_list list;

	cwr_error_free(cwr_session_dir_list(dir, &list));
	for (size_t i = 0; i < list.n; i++)
		if (!strcmp(name_in(list.entries[i].path), name_in(path)))
			load_relatives(model, &list, i);
	cwr_session_list_free(&list);
}

struct cwr_error *cwr_sources_load_path(struct cwr_model *model, const char *path)
{
	struct cwr_error *error = load(model, path);

	if (!error)
		load_relatives_of_path(model, path);
	return error;
}

/*
 * The number may have been used more than once: the newest process is meant.  What a forked child
 * without a session holds is told by the session of the process that forked it.
 */
static size_t find_pid(const struct cwr_session_list *list, pid_t pid)
{
	size_t found = list->n;

	for (size_t i = 0; i < list->n; i++)
		if (!list->entries[i].error && list->entries[i].header.pid == pid)
			found = i;
	return found == list->n ? cwr_session_find_maker(list, pid) : found;
}

/*
 * By what the process and its relatives have mapped.  Their directories are looked through as well,
 * for relatives that have ended.  *ret_is_found false: it has mapped nothing that can be read.
 */
static struct cwr_error *load_living(struct cwr_model *model, pid_t pid, bool *ret_is_found)
{
	struct cwr_error *error = NULL;
	struct cwr_kin kin;

	cwr_kin_find(pid, &kin);
	*ret_is_found = kin.n;
	for (size_t i = 0; i < kin.n; i++) {
		struct cwr_error *problem = cwr_sources_load_path(model, kin.paths[i]);

		if (i == 0)
			error = problem;
		else
			cwr_error_free(problem);
	}
	cwr_kin_free(&kin);
	return error;
}

/* Signal 0 only asks whether there is such a process: kill(2); EPERM says that there is. */
static struct cwr_error *no_session(pid_t pid, const char *dir)
{
	if (kill(pid, 0) && errno != EPERM)
		return cwr_error_new(CWR_EXIT_INPUT, "no session of process %d in %s", pid, dir);
	return cwr_error_new(CWR_EXIT_INPUT,
			     "no session of process %d in %s: cwshim doctor %d tells whether the "
			     "shim can see it",
			     pid, dir, pid);
}

/* A program that was executed, or a child of one, may have nothing mapped and a parent that has
 * ended: then it is a relative of those whose sockets it holds. */
static size_t find_sharer(const struct cwr_session_list *list, const struct cwr_kernel_list *kernel,
			  pid_t pid)
{
	uint64_t cookies[COOKIES_LOOKED_FOR];
	size_t n = cwr_kernel_cookies_of(kernel, pid, cookies, COOKIES_LOOKED_FOR);

	return cwr_session_find_sharer(list, cookies, n);
}

struct cwr_error *cwr_sources_load_pid(struct cwr_model *model, const struct cwr_session_list *list,
				       const struct cwr_kernel_list *kernel, pid_t pid,
				       const char *dir)
{
	size_t found;
	bool is_found;
	struct cwr_error *error = load_living(model, pid, &is_found);

	if (is_found) {
		cwr_memory_load_pid(model, pid);
		return error;
	}
	found = find_pid(list, pid);
	if (found == list->n && cwr_memory_load_pid(model, pid))
		return NULL;
	if (found == list->n)
		found = find_sharer(list, kernel, pid);
	if (found == list->n)
		return no_session(pid, dir);
	error = load(model, list->entries[found].path);
	if (!error)
		load_relatives(model, list, found);
	return error;
}
