/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into any program: at each call of a few frequent functions the stack is walked by the
 * shim's layouts and by libunwind, and every frame compared.  What was kept of an earlier walk from
 * the same start must be the same, too.  At the end a line goes to the file
 * that WALK_LOG names; before it, the first stacks that
 * differ or that only libunwind can walk.  Programs built for it (shapes.c)
 * call getppid() wherever they want a look.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/layouts.h"
#include "core/memo.h"
#include "core/raw.h"
#include "core/thread.h"
#include "core/walk.h"

enum { FRAMES = 64, OWN = 8, SHOWN = 5, SHOWN_SIZE = 16384 };

/* What the parts under test need of the rest of the shim. */
__thread struct cw_thread cw_thread;
bool cw_is_sandboxed;
static struct cw_wiped wiped;
struct cw_wiped *cw_wiped = &wiped;

extern void *__libc_malloc(size_t size);
extern void __libc_free(void *memory);

static int (*unw_backtrace)(void **buffer, int size);
static __thread bool is_busy;
static atomic_uint walks, lost, different, deepest, known;
static char shown[SHOWN_SIZE];
static atomic_uint shown_used;

static void show(const char *who, void *const *ips, size_t n)
{
	for (size_t i = 0; i < n && shown_used < SHOWN_SIZE - 512; i++) {
		Dl_info info = {0};

		dladdr(ips[i], &info);
		shown_used +=
			(unsigned int)snprintf(shown + shown_used, 512, "%s %zu %p %s %s\n", who, i,
					       ips[i], info.dli_fname ? info.dli_fname : "-",
					       info.dli_sname ? info.dli_sname : "-");
	}
}

/* Libunwind's stack begins with frames of this file. */
static bool is_equal(const uint64_t *ours, size_t n, void *const *theirs, size_t m)
{
	size_t first = 0;

	while (first < m && (uint64_t)theirs[first] != ours[0])
		first++;
	m -= first;
	if (n != (m < FRAMES ? m : FRAMES))
		return false;
	return memcmp(ours, theirs + first, n * sizeof(*ours)) == 0;
}

/* A stack's id; not 0. */
static uint32_t number_of(const uint64_t *ips, size_t n)
{
	uint64_t hash = n;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ ips[i]) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(hash >> 32) | 1;
}

/* The walk is not spared, so that there is something to compare with. */
static void compare_kept(const struct cw_walk_start *start, const uint64_t *ips, size_t n,
			 const struct cw_walk_trace *trace)
{
	uint32_t id = number_of(ips, n), kept = cw_memo_find(start, 1);

	if (kept) {
		atomic_fetch_add(&known, 1);
		if (kept != id && atomic_fetch_add(&different, 1) < SHOWN)
			show("not as kept", (void *const *)ips, n);
	} else if (cw_memo_wants(start, 1) && trace->is_whole) {
		cw_memo_keep(start, 1, trace, id);
	}
}

static void compare(const uintptr_t *frame)
{
	struct cw_walk_start start = {.ip = frame[1], .sp = (uintptr_t)(frame + 2), .bp = frame[0]};
	struct cw_walk_trace trace;
	uint64_t ours[FRAMES];
	void *theirs[FRAMES + OWN];
	size_t n;
	int m;

	atomic_fetch_add(&walks, 1);
	if (!cw_walk(&start, ours, FRAMES, &n, &trace)) {
		if (atomic_fetch_add(&lost, 1) < SHOWN)
			show("lost", (void *const *)ours, n);
		return;
	}
	if (n > deepest)
		deepest = (unsigned int)n;
	compare_kept(&start, ours, n, &trace);
	m = unw_backtrace(theirs, FRAMES + OWN);
	if (is_equal(ours, n, theirs, (size_t)m))
		return;
	if (atomic_fetch_add(&different, 1) < SHOWN) {
		show("ours", (void *const *)ours, n);
		show("theirs", theirs, (size_t)m);
	}
}

#define COMPARE_HERE()                                       \
	do {                                                 \
		if (!is_busy && unw_backtrace) {             \
			is_busy = true;                      \
			compare(__builtin_frame_address(0)); \
			is_busy = false;                     \
		}                                            \
	} while (0)

pid_t getppid(void)
{
	COMPARE_HERE();
	return (pid_t)syscall(SYS_getppid);
}

void *malloc(size_t size)
{
	COMPARE_HERE();
	return __libc_malloc(size);
}

void free(void *memory)
{
	COMPARE_HERE();
	__libc_free(memory);
}

ssize_t read(int fd, void *buf, size_t size)
{
	COMPARE_HERE();
	return syscall(SYS_read, fd, buf, size);
}

ssize_t write(int fd, const void *buf, size_t size)
{
	COMPARE_HERE();
	return syscall(SYS_write, fd, buf, size);
}

int close(int fd)
{
	COMPARE_HERE();
	return (int)syscall(SYS_close, fd);
}

int dlclose(void *handle)
{
	int (*real)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "dlclose");
	int ret;

	cw_layouts_before_dlclose();
	ret = real(handle);
	cw_layouts_after_dlclose();
	return ret;
}

__attribute__((constructor)) static void start(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

	cw_walk_init();
	cw_layouts_init();
	if (library)
		unw_backtrace = (int (*)(void **, int))dlsym(library, "unw_backtrace");
}

__attribute__((destructor)) static void stop(void)
{
	const char *path = getenv("WALK_LOG");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

	is_busy = true;
	if (fd < 0)
		return;
	dprintf(fd, "%.*sWALKS %u LOST %u DIFFERENT %u DEEPEST %u KEPT %u\n", (int)shown_used,
		shown, walks, lost, different, deepest, known);
	close(fd);
}
