/* SPDX-License-Identifier: MIT */
/*
 * The session directory and file, made with system calls only, so that a first socket in a signal
 * handler is no different.  A directory that others could tamper with is refused.
 */
#include "track/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "core/options.h"
#include "core/raw.h"
#include "core/text.h"
#include "core/thread.h"
#include "track/room.h"
#include "track/session.h"

#include "core/poison.h"

static char directory[CW_PATH_MAX];
static char path[CW_PATH_MAX + 64];
static uint64_t stamp;	/* in that name */
static long started_as; /* effective user id at the start */

void cw_storage_init(const char *runtime_dir)
{
	struct cw_text text = CW_TEXT(directory);

	started_as = cw_raw(SYS_geteuid);
	if (*cw_options.session_dir.text) {
		cw_text_add(&text, cw_options.session_dir.text);
	} else if (runtime_dir && *runtime_dir == '/') {
		cw_text_add(&text, runtime_dir);
		cw_text_add(&text, "/cwshim");
	} else {
		cw_text_add(&text, "/tmp/cwshim-");
		cw_text_add_dec(&text, cw_raw(SYS_geteuid));
	}
}

const char *cw_storage_path(void)
{
	return path;
}

void cw_storage_remove(void)
{
	cw_raw(SYS_unlinkat, AT_FDCWD, path, 0);
}

void cw_storage_leave_mark(void)
{
	long fd = cw_raw(SYS_memfd_create, CW_OFF_NAME, MFD_CLOEXEC);

	if (fd < 0)
		return;
	cw_raw(SYS_mmap, NULL, 4096, PROT_NONE, MAP_SHARED, fd, 0);
	cw_raw(SYS_close, fd);
}

static bool refuse(const char *what, const char *why)
{
	/* A child in a chroot, say, is counted in its parent's session instead. */
	if (!cw_session_family() || cw_options.verbose.number)
		cw_message("recording in memory only: ", what, " ", why, NULL);
	return false;
}

bool cw_storage_refuse(const char *why)
{
	return refuse(path, why);
}

/*
 * Ours alone, or one like /tmp: root's, where everybody makes files and touches only their own. The
 * latter serves servers whose workers change their user.
 */
static bool is_safe(const struct stat *st)
{
	if (st->st_mode & S_ISVTX)
		return st->st_uid == 0;
	return st->st_uid == (uid_t)cw_raw(SYS_geteuid) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Makes the directory if it is missing and checks it.  A descriptor (O_PATH), or -errno. */
static long open_directory(const char *name)
{
	struct stat st;
	long fd;

	cw_raw(SYS_mkdirat, AT_FDCWD, name, 0700);
	fd = cw_raw(SYS_openat, AT_FDCWD, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fd;
	/* fstat through the descriptor just opened: no race with a rename. */
	if (fstat((int)fd, &st) < 0 || !is_safe(&st)) {
		cw_raw(SYS_close, fd);
		return -EPERM;
	}
	return fd;
}

/* ftruncate beyond RLIMIT_FSIZE kills with SIGXFSZ (setrlimit(2)), so the limit is asked first. */
static bool is_size_allowed(uint64_t size)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	cw_raw(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
	return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size;
}

/* What one page table maps (x86-64 and aarch64 with pages of 4 KiB). */
enum { TABLE = 2 << 20 };

/*
 * Where the first part of it is in one page table, which forked children need.  Some file systems
 * are mapped so anyway; of the others there mostly is room below.
 */
static long map_aligned(long fd, uint64_t size)
{
	long at = cw_raw(SYS_mmap, NULL, size, PROT_NONE, MAP_SHARED, fd, 0);

	if ((at < 0 && at > -4096) || at % TABLE == 0)
		return at;
	cw_raw(SYS_munmap, at, size);
	return cw_raw(SYS_mmap, at / TABLE * TABLE, size, PROT_NONE, MAP_SHARED, fd, 0);
}

/*
 * In a host that locks all memory it gets (mlockall(2), MCL_FUTURE) a mapping is filled as a whole
 * when it is made, unless nothing may be read in it yet; and it would use up the host's limit.
 */
static long map_unlocked(long fd, uint64_t size)
{
	long at = map_aligned(fd, size), ret;

	if (at < 0 && at > -4096)
		return at;
	cw_raw(SYS_munlock, at, size);
	/* A fault in a hole would fill the page cache around it, by the disk's readahead: up to
	 * megabytes of zeros (mm/filemap.c, do_sync_mmap_readahead()). */
	cw_raw(SYS_madvise, at, size, MADV_RANDOM);
	ret = cw_raw(SYS_mprotect, at, size, PROT_READ | PROT_WRITE);
	if (ret == 0)
		return at;
	cw_raw(SYS_munmap, at, size);
	return ret;
}

/* Makes and maps the file.  Its address, or -errno. */
static long map_file(long dir, const char *name, uint64_t size)
{
	long fd = cw_raw(SYS_openat, dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0600);
	long at;

	if (fd < 0)
		return fd;
	at = cw_raw(SYS_ftruncate, fd, size);
	if (at == 0)
		at = map_unlocked(fd, size);
	cw_raw(SYS_close, fd);
	if (at < 0 && at > -4096)
		cw_raw(SYS_unlinkat, dir, name, 0);
	return at;
}

static void add_name(struct cw_text *text, int pid, uint64_t start)
{
	cw_text_add_dec(text, pid);
	cw_text_add(text, "-");
	cw_text_add_hex(text, start);
	cw_text_add(text, CW_SESSION_SUFFIX);
}

static void name_file(char name[static 64])
{
	struct cw_text text = {name, 64, 0, false};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	stamp = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	add_name(&text, cw_process_id(), stamp);
}

uint64_t cw_storage_stamp(void)
{
	return stamp;
}

bool cw_storage_path_of(char *other, size_t size, int pid, uint64_t start)
{
	struct cw_text text = {other, size, 0, false};
	size_t length = 0;

	for (size_t i = 0; path[i]; i++)
		if (path[i] == '/')
			length = i + 1;
	cw_text_add_n(&text, path, length);
	add_name(&text, pid, start);
	return !text.is_cut;
}

/* Makes the file in this directory; sets `path`, also for messages, and *ret_at.  0, or -errno. */
static long make_file(const char *where, uint64_t size, void **ret_at)
{
	struct cw_text text = CW_TEXT(path);
	char name[64];
	long dir, at;

	name_file(name);
	cw_text_add(&text, where);
	dir = open_directory(where);
	if (dir < 0)
		return dir;
	cw_text_add(&text, "/");
	cw_text_add(&text, name);
	at = map_file(dir, name, size);
	cw_raw(SYS_close, dir);
	if (at < 0 && at > -4096)
		return at;
	*ret_at = (void *)at;
	return 0;
}

static const char *reason(long error)
{
	switch (-error) {
	case EPERM:
		return "belongs to someone else or is writable by others";
	case ENOTDIR:
	case ELOOP:
		return "is not a directory (or is a symbolic link)";
	case ENOSPC:
	case EDQUOT:
		return "has no room";
	default:
		return "cannot be made or opened";
	}
}

/* The directory that was asked for; a process that has changed its user since gets one of its own.
 */
static bool make_file_somewhere(uint64_t size, void **ret_at)
{
	char other[sizeof(directory)];
	struct cw_text text = CW_TEXT(other);
	long error = make_file(directory, size, ret_at), again;

	if (error != -EACCES && error != -EPERM)
		return error == 0 || refuse(path, reason(error));
	cw_text_add(&text, "/tmp/cwshim-");
	cw_text_add_dec(&text, cw_raw(SYS_geteuid));
	if (cw_streq(other, directory) || cw_raw(SYS_geteuid) == started_as)
		return refuse(directory, reason(error));
	again = make_file(other, size, ret_at);
	return again == 0 || refuse(other, reason(again));
}

void *cw_storage_make(uint64_t size)
{
	void *at = NULL;

	if (!is_size_allowed(size))
		refuse("RLIMIT_FSIZE", "is too small for a session");
	else if (!cw_room_has(size))
		refuse("RLIMIT_AS", "leaves too little room for a session");
	else if (make_file_somewhere(size, &at))
		return at;
	return NULL;
}
