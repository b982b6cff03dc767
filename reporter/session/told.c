/* SPDX-License-Identifier: MIT */
/*
 * What earlier reports told of a living process; see told.h.  A line is
 *
 *     ID CAUSE COOKIE PLACE
 *
 * with the finding's id and cause, the socket's cookie in hexadecimal, and the place in the source
 * where it was made, "-" if that is unknown.
 */
#include "session/told.h"

#include "cwshim/session.h"
#include "model/arena.h"
#include "model/site.h"
#include "util/cleanup.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOLD_SUFFIX ".told"

struct told {
	char id[17];
	char cause[48];
	char place[128];
	uint64_t cookie;
};

/* "DIR/PID-START" and the suffix; the caller frees it.  NULL: that is no session's path. */
static char *path_beside(const char *path, const char *from, const char *to)
{
	size_t length = path ? strlen(path) : 0, cut = strlen(from);
	char *result;

	if (length <= cut || strcmp(path + length - cut, from) != 0)
		return NULL;
	if (asprintf(&result, "%.*s%s", (int)(length - cut), path, to) < 0)
		cwr_out_of_memory();
	return result;
}

static char *path_of(const struct cwr_process *process)
{
	return path_beside(process->session_path, CW_SESSION_SUFFIX, TOLD_SUFFIX);
}

/* A file of this user's, or NULL. */
static FILE *open_own(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		close(fd);
		return NULL;
	}
	return fdopen(fd, "r");
}

static bool parse(const char *line, struct told *ret_told)
{
	if (sscanf(line, "%16[0-9a-f] %47[a-z-] %" SCNx64 " %127[^\n]", ret_told->id,
		   ret_told->cause, &ret_told->cookie, ret_told->place) != 4)
		return false;
	for (char *c = ret_told->place; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return true;
}

static bool is_open(const struct cwr_model *model, uint64_t cookie)
{
	const struct cwr_socket *socket = cwr_model_find_socket(model, cookie);
	const struct cwr_holder *h = socket ? socket->holders : NULL;

	while (h && !h->is_open)
		h = h->next;
	return h || (socket && socket->is_in_flight);
}

/* --- What has been closed since. --- */

static void add_closed(struct cwr_model *model, struct cwr_process *process,
		       const struct told *told)
{
	struct cwr_closed **link = &model->closed_after_all;

	for (; *link; link = &(*link)->next)
		if ((*link)->process == process && !strcmp((*link)->id, told->id))
			break;
	if (!*link) {
		*link = cwr_model_alloc(model, sizeof(**link));
		(*link)->process = process;
		(*link)->id = cwr_model_strdup(model, told->id);
		(*link)->cause = cwr_model_strdup(model, told->cause);
		if (strcmp(told->place, "-") != 0)
			(*link)->place = cwr_model_strdup(model, told->place);
	}
	(*link)->nsockets++;
}

static void compare(struct cwr_model *model, struct cwr_process *process)
{
	CWR_AUTO_FREE char *path = path_of(process), *line = NULL;
	CWR_AUTO_FCLOSE FILE *file = open_own(path);
	struct told told;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0)
		if (parse(line, &told) && !is_open(model, told.cookie))
			add_closed(model, process, &told);
}

void cwr_told_compare(struct cwr_model *model)
{
	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->is_alive)
			compare(model, p);
}

/* --- What is told now. --- */

static void write_finding(FILE *out, const struct cwr_finding *finding)
{
	const struct cwr_frame *frame = cwr_site_frame(finding->evidence[CWR_EV_CREATED].stack);
	char place[128];

	for (size_t i = 0; i < finding->nsockets; i++)
		fprintf(out, "%s %s %" PRIx64 " %s\n", finding->id, finding->cause,
			finding->sockets[i]->cookie,
			frame ? cwr_site_format(frame, place, sizeof(place)) : "-");
}

/* The cookies that this report tells of a process. */
struct cookies {
	size_t n;
	uint64_t *values; /* ascending */
};

static int compare_cookies(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static size_t count_told(const struct cwr_model *model, const struct cwr_process *process)
{
	size_t n = 0;

	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		n += f->process == process ? f->nsockets : 0;
	return n;
}

/* The caller frees the values. */
static struct cookies collect_told(const struct cwr_model *model, const struct cwr_process *process)
{
	struct cookies told = {
		.values = calloc(count_told(model, process) + 1, sizeof(*told.values))};

	if (!told.values)
		cwr_out_of_memory();
	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		for (size_t i = 0; i < f->nsockets && f->process == process; i++)
			told.values[told.n++] = f->sockets[i]->cookie;
	qsort(told.values, told.n, sizeof(*told.values), compare_cookies);
	return told;
}

static bool has_cookie(const struct cookies *cookies, uint64_t cookie)
{
	return bsearch(&cookie, cookies->values, cookies->n, sizeof(cookie), compare_cookies);
}

/* A report for one cause, or of sockets that are older, does not make the others untold. */
static void write_still_open(FILE *out, const struct cwr_model *model,
			     const struct cwr_process *process, const char *path)
{
	CWR_AUTO_FREE char *line = NULL;
	CWR_AUTO_FCLOSE FILE *before = open_own(path);
	struct cookies now = collect_told(model, process);
	struct told told;
	size_t size = 0;

	while (before && getline(&line, &size, before) > 0)
		if (parse(line, &told) && !has_cookie(&now, told.cookie) &&
		    is_open(model, told.cookie))
			fprintf(out, "%s %s %" PRIx64 " %s\n", told.id, told.cause, told.cookie,
				told.place);
	free(now.values);
}

static bool is_leaving(const struct cwr_finding *finding)
{
	return finding->suppressed || finding->verdict == CWR_IN_USE;
}

static void write_all(FILE *out, const struct cwr_model *model, const struct cwr_process *process,
		      const char *path)
{
	write_still_open(out, model, process, path);
	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		if (f->process == process && !is_leaving(f))
			write_finding(out, f);
}

static bool has_own_session(const struct cwr_process *process)
{
	struct stat st;

	return process->session_path && lstat(process->session_path, &st) == 0 &&
	       st.st_uid == geteuid();
}

/* Under another name first, so that what a reader finds is whole. */
static void write_for(const struct cwr_model *model, const struct cwr_process *process)
{
	CWR_AUTO_FREE char *path = path_of(process), *made = NULL;
	FILE *out;
	long size;
	int fd;

	if (!path || !has_own_session(process))
		return;
	if (asprintf(&made, "%s.%d", path, getpid()) < 0)
		cwr_out_of_memory();
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out)
		return;
	write_all(out, model, process, path);
	size = ftell(out);
	if (fclose(out) != 0 || size <= 0 || rename(made, path) < 0) {
		unlink(made);
		unlink(path);
	}
}

static void forget(const struct cwr_process *process)
{
	CWR_AUTO_FREE char *path = path_of(process);

	if (path && has_own_session(process))
		unlink(path);
}

static void sweep_around(const struct cwr_process *process)
{
	const char *path = process->session_path, *slash = path ? strrchr(path, '/') : NULL;
	char dir[PATH_MAX];

	if (!slash || (size_t)(slash - path) >= sizeof(dir))
		return;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	cwr_told_sweep(dir);
}

void cwr_told_write(const struct cwr_model *model)
{
	for (const struct cwr_process *p = model->processes; p; p = p->next) {
		if (p->is_alive && !p->is_exiting)
			write_for(model, p);
		else
			forget(p);
	}
	if (model->processes)
		sweep_around(model->processes);
}

void cwr_told_sweep(const char *path)
{
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CWR_AUTO_FREE char *session =
			path_beside(entry->d_name, TOLD_SUFFIX, CW_SESSION_SUFFIX);

		if (session && faccessat(dirfd(dir), session, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
}
