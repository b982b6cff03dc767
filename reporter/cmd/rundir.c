/* SPDX-License-Identifier: MIT */
/*
 * The private directory of one `cwshim run`; see rundir.h.
 */
#include "cmd/rundir.h"

#include "cmd/clean.h"
#include "model/arena.h"
#include "session/dir.h"

#include "cwshim/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE = 256 }; /* the shim's lines are shorter */

static struct cwr_error *failed(const char *path)
{
	return cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path, strerror(errno));
}

/* Opened for both directions, so that it is never at its end and opening it never blocks. */
static struct cwr_error *make_fifo(struct cwr_rundir *dir)
{
	if (asprintf(&dir->fifo_path, "%s/notify", dir->path) < 0)
		cwr_out_of_memory();
	if (mkfifo(dir->fifo_path, 0600) < 0)
		return failed(dir->fifo_path);
	dir->fifo = open(dir->fifo_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return dir->fifo < 0 ? failed(dir->fifo_path) : NULL;
}

/*
 * For processes in a chroot.  Anybody may send to it, so what it says is only believed where /proc
 * agrees; without it such processes are not known of.
 */
static void open_datagrams(struct cwr_rundir *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s%s",
			 CW_NOTIFY_SOCKET, strrchr(dir->path, '/') + 1);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

	if (fd >= 0 &&
	    (size > sizeof(address) || bind(fd, (struct sockaddr *)&address, size) < 0)) {
		close(fd);
		fd = -1;
	}
	dir->datagrams = fd;
}

/* No process under a filter can be asked to do more than open a file (see shim/track/notify.h). */
static struct cwr_error *watch_filtered(struct cwr_rundir *dir)
{
	int fd;

	if (asprintf(&dir->filtered_path, "%s/%s", dir->path, CW_NOTIFY_FILTERED) < 0)
		cwr_out_of_memory();
	fd = open(dir->filtered_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fchmod(fd, 0644) < 0 || close(fd) < 0)
		return failed(dir->filtered_path);
	dir->opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (dir->opened >= 0)
		inotify_add_watch(dir->opened, dir->filtered_path, IN_OPEN);
	return NULL;
}

/*
 * Servers started by root have workers that change their user.  So root's directory lies where all
 * can reach it, and is as /tmp is, but for reading: who is in it makes sessions of their own.  A
 * link in the directory of sessions leads to it.
 */
static char *path_for(const char *session_dir)
{
	char *path;
	int n = geteuid() == 0 ? asprintf(&path, "/tmp/cwshim-run-XXXXXX")
			       : asprintf(&path, "%s/run-XXXXXX", session_dir);

	if (n < 0)
		cwr_out_of_memory();
	return path;
}

static struct cwr_error *open_to_all(struct cwr_rundir *dir, const char *session_dir)
{
	if (asprintf(&dir->link, "%s/%s", session_dir, strstr(dir->path, "run-")) < 0)
		cwr_out_of_memory();
	if (symlink(dir->path, dir->link) < 0)
		return failed(dir->link);
	if (chmod(dir->fifo_path, 0622) < 0)
		return failed(dir->fifo_path);
	return chmod(dir->path, S_ISVTX | 0733) < 0 ? failed(dir->path) : NULL;
}

struct cwr_error *cwr_rundir_open(struct cwr_rundir *dir, const char *session_dir)
{
	struct cwr_error *error;
	char *path;

	*dir = (struct cwr_rundir){.fifo = -1, .datagrams = -1, .opened = -1};
	if (strchr(session_dir, ':'))
		return cwr_error_new(CWR_EXIT_USAGE,
				     "%s: a colon in the session directory's name "
				     "cannot be passed in CWSHIM_OPTIONS",
				     session_dir);
	if (mkdir(session_dir, 0700) < 0 && errno != EEXIST)
		return failed(session_dir);
	error = cwr_session_dir_check(session_dir);
	if (error)
		return error;
	path = path_for(session_dir);
	if (!mkdtemp(path)) {
		error = failed(path);
		free(path);
		return error;
	}
	dir->path = path;
	open_datagrams(dir);
	error = make_fifo(dir);
	if (!error)
		error = watch_filtered(dir);
	return error || geteuid() != 0 ? error : open_to_all(dir, session_dir);
}

/* A line is written at once, so it is there as a whole. */
static bool read_line(int fd, char line[static LINE])
{
	size_t n = 0;

	while (n < LINE - 1 && read(fd, line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = 0;
			return true;
		}
		n++;
	}
	return false;
}

/* 0: the line says nothing of a refused process. */
static pid_t parse_refused(const char *line)
{
	static const char key[] = CW_NOTIFY_REFUSED;

	return strncmp(line, key, strlen(key)) ? 0 : atoi(line + strlen(key));
}

bool cwr_rundir_has_filtered(struct cwr_rundir *dir)
{
	struct inotify_event events[64];
	bool has_any = false;

	while (dir->opened >= 0 && read(dir->opened, events, sizeof(events)) > 0)
		has_any = true;
	dir->has_memories |= has_any;
	return has_any;
}

/* The number of a process that could have no session and could not reach the FIFO; 0: none now. */
static pid_t read_datagram(struct cwr_rundir *dir)
{
	char line[LINE];
	pid_t refused = 0;
	ssize_t n;

	while (refused <= 0 && (n = recv(dir->datagrams, line, sizeof(line) - 1, 0)) >= 0) {
		line[n] = 0;
		refused = parse_refused(line);
	}
	dir->has_memories |= refused > 0;
	return refused > 0 ? refused : 0;
}

char *cwr_rundir_next(struct cwr_rundir *dir, pid_t *ret_refused)
{
	char line[LINE];
	char *path;

	*ret_refused = 0;
	while (read_line(dir->fifo, line)) {
		*ret_refused = parse_refused(line);
		dir->has_memories |= *ret_refused > 0 || !strcmp(line, CW_NOTIFY_MEMORY);
		if (*ret_refused > 0)
			return NULL;
		if (!cwr_session_is_name(line))
			continue;
		if (asprintf(&path, "%s/%s", dir->path, line) < 0)
			cwr_out_of_memory();
		return path;
	}
	*ret_refused = read_datagram(dir);
	return NULL;
}

void cwr_rundir_close(struct cwr_rundir *dir)
{
	if (dir->fifo_path)
		unlink(dir->fifo_path);
	if (dir->filtered_path)
		unlink(dir->filtered_path);
	if (dir->fifo >= 0)
		close(dir->fifo);
	if (dir->datagrams >= 0)
		close(dir->datagrams);
	if (dir->opened >= 0)
		close(dir->opened);
	if (dir->path) {
		cwr_clean_sessions(dir->path);
		if (rmdir(dir->path) == 0 && dir->link)
			unlink(dir->link);
	}
	free(dir->fifo_path);
	free(dir->filtered_path);
	free(dir->path);
	free(dir->link);
	*dir = (struct cwr_rundir){.fifo = -1, .datagrams = -1, .opened = -1};
}
