/* SPDX-License-Identifier: MIT */
/*
 * The directory of sessions; see dir.h.
 */
#include "session/dir.h"

#include "model/arena.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *copy(const char *text, size_t length)
{
	char *result = strndup(text, length);

	if (!result)
		cwr_out_of_memory();
	return result;
}

/* The value of session_dir in colon-separated key=value; the last one counts, as in the shim. */
static char *from_options(const char *options)
{
	static const char key[] = "session_dir=";
	const char *found = NULL;

	for (const char *at = options; at; at = strchr(at, ':')) {
		at += *at == ':';
		if (!strncmp(at, key, strlen(key)))
			found = at + strlen(key);
	}
	return found && *found && *found != ':' ? copy(found, strcspn(found, ":")) : NULL;
}

char *cwr_session_dir_choose(const char *option)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *dir = option ? copy(option, strlen(option)) : from_options(getenv("CWSHIM_OPTIONS"));

	if (dir)
		return dir;
	if ((runtime && *runtime == '/' ? asprintf(&dir, "%s/cwshim", runtime)
					: asprintf(&dir, "/tmp/cwshim-%u", geteuid())) < 0)
		cwr_out_of_memory();
	return dir;
}

/* Like /tmp: root's, where everybody makes files and touches only their own. */
static bool is_shared(const struct stat *st)
{
	return st->st_uid == 0 && st->st_mode & S_ISVTX;
}

struct cwr_error *cwr_session_dir_check(const char *dir)
{
	const char *why = NULL;
	struct stat st;

	if (lstat(dir, &st) < 0)
		return errno == ENOENT
			       ? NULL
			       : cwr_error_new(CWR_EXIT_INPUT, "%s: %s", dir, strerror(errno));
	if (S_ISLNK(st.st_mode))
		why = "is a symbolic link";
	else if (!S_ISDIR(st.st_mode))
		why = "is not a directory";
	else if (is_shared(&st))
		why = NULL;
	else if (st.st_uid != geteuid())
		why = "belongs to another user";
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		why = "is writable by others";
	return why ? cwr_error_new(CWR_EXIT_INPUT, "%s: not used for sessions: it %s", dir, why)
		   : NULL;
}

bool cwr_session_is_name(const char *name)
{
	size_t length = strlen(name), suffix = strlen(CW_SESSION_SUFFIX);

	return *name != '.' && !strchr(name, '/') && length > suffix &&
	       !strcmp(name + length - suffix, CW_SESSION_SUFFIX);
}

/* One that vanished meanwhile had nothing to tell; another user's in a shared directory is his. */
static bool is_of_no_concern(const struct cwr_session_entry *entry)
{
	struct stat st;

	if (!entry->error)
		return !entry->header.ready;
	return lstat(entry->path, &st) < 0 || (geteuid() != 0 && st.st_uid != geteuid());
}

static void add_entry(struct cwr_session_list *list, char *path)
{
	struct cwr_session_entry *entry;

	list->entries = realloc(list->entries, (list->n + 1) * sizeof(*entry));
	if (!list->entries)
		cwr_out_of_memory();
	entry = &list->entries[list->n];
	memset(entry, 0, sizeof(*entry));
	entry->path = path;
	entry->error = cwr_session_read_header(path, &entry->header);
	if (is_of_no_concern(entry)) {
		cwr_error_free(entry->error);
		free(path);
		return;
	}
	list->n++;
}

static struct cwr_error *list_into(struct cwr_session_list *list, const char *path, bool is_top)
{
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		return errno == ENOENT
			       ? NULL
			       : cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		char *below;

		if (asprintf(&below, "%s/%s", path, entry->d_name) < 0)
			cwr_out_of_memory();
		if (cwr_session_is_name(entry->d_name)) {
			add_entry(list, below);
			continue;
		}
		if (is_top && !strncmp(entry->d_name, "run-", 4))
			cwr_error_free(list_into(list, below, false));
		free(below);
	}
	return NULL;
}

static int by_start(const void *a, const void *b)
{
	const struct cwr_session_entry *x = a, *y = b;

	return x->header.t_start < y->header.t_start ? -1 : x->header.t_start > y->header.t_start;
}

struct cwr_error *cwr_session_dir_list(const char *dir, struct cwr_session_list *ret_list)
{
	struct cwr_error *error;

	*ret_list = (struct cwr_session_list){0};
	error = list_into(ret_list, dir, true);
	if (ret_list->n)
		qsort(ret_list->entries, ret_list->n, sizeof(*ret_list->entries), by_start);
	return error;
}

void cwr_session_list_free(struct cwr_session_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		cwr_error_free(list->entries[i].error);
		free(list->entries[i].path);
	}
	free(list->entries);
	*list = (struct cwr_session_list){0};
}

static bool is_parent(const struct cw_session_header *parent, const struct cw_session_header *child)
{
	return child->from_fork && child->parent_pid == parent->pid &&
	       child->parent_t_start == parent->t_start;
}

/* A child that has executed a program knows nothing of its parent's session, only its number. */
static bool is_program_started_by(const struct cw_session_header *parent,
				  const struct cw_session_header *child)
{
	return !child->from_fork && child->ppid == parent->pid && child->pidns == parent->pidns &&
	       child->t_start >= parent->t_start &&
	       (!parent->t_end || child->t_start <= parent->t_end);
}

bool cwr_session_is_next_of_kin(const struct cw_session_header *a,
				const struct cw_session_header *b)
{
	return (a->pid == b->pid && a->start_ticks == b->start_ticks && a->pidns == b->pidns) ||
	       is_parent(a, b) || is_parent(b, a) || is_program_started_by(a, b) ||
	       is_program_started_by(b, a);
}

void cwr_session_find_relatives(const struct cwr_session_list *list, size_t start,
				bool *ret_is_relative)
{
	ret_is_relative[start] = true;
	for (size_t i = 0; i < list->n; i++)
		if (!ret_is_relative[i] && !list->entries[i].error &&
		    cwr_session_is_next_of_kin(&list->entries[start].header,
					       &list->entries[i].header))
			cwr_session_find_relatives(list, i, ret_is_relative);
}
