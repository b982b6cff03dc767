/* SPDX-License-Identifier: MIT */
/*
 * Stack walking by the layouts of frames (core/walk.h), by libunwind where those do not suffice, by
 * frame pointers, or only to the caller.
 *
 * libunwind's caches are each thread's own, so it is slow in threads and children that live
 * shortly.  It is loaded with RTLD_LOCAL, never linked: it exports _Unwind_RaiseException, and as a
 * dependency it would take over the host's C++ exceptions.  It checks addresses by writing to a
 * pipe of its own on low descriptor numbers, which breaks hosts that close all descriptors; so its
 * calls of pipe2, read, write and syscall come to interpose/unwinder.c, which answers without a
 * pipe.
 */
#include "core/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/layouts.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/thread.h"
#include "core/walk.h"
#include "cwshim/session.h"

#include "core/poison.h"

/* The bounds of this library, from the linker (ld, "Source Code Reference"). */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

enum {
	OWN_FRAMES = 8,	  /* the deepest chain of our own frames above the host's */
	FORK_YIELDS = 200 /* how long fork waits for threads inside libunwind */
};

static enum cw_unwinder kind;
static bool is_libunwind_lost; /* its locks were copied as held by a thread that is not here */
static int (*unw_backtrace)(void **buffer, int size);
static uintptr_t unwinder_start, unwinder_end;

static atomic_uint walkers; /* threads inside libunwind */

static bool is_own(uint64_t ip)
{
	return ip >= (uintptr_t)__ehdr_start && ip < (uintptr_t)_end;
}

static int find_range(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t inside = *(uintptr_t *)arg;
	uintptr_t start = UINTPTR_MAX, end = 0;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type != PT_LOAD)
			continue;
		if (info->dlpi_addr + phdr->p_vaddr < start)
			start = info->dlpi_addr + phdr->p_vaddr;
		if (info->dlpi_addr + phdr->p_vaddr + phdr->p_memsz > end)
			end = info->dlpi_addr + phdr->p_vaddr + phdr->p_memsz;
	}
	if (inside < start || inside >= end)
		return 0;
	unwinder_start = start;
	unwinder_end = end;
	return 1;
}

static bool load_libunwind(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	uintptr_t inside;

	if (!library)
		return false;
	unw_backtrace = (int (*)(void **, int))dlsym(library, "unw_backtrace");
	inside = (uintptr_t)unw_backtrace;
	return unw_backtrace && dl_iterate_phdr(find_range, &inside) == 1;
}

enum cw_unwinder cw_unwind_kind(void)
{
	return kind;
}

bool cw_unwind_is_caller(const void *return_address)
{
	uintptr_t ip = (uintptr_t)return_address;

	return cw_thread.unwinding && ip >= unwinder_start && ip < unwinder_end;
}

long cw_unwind_answer_write(const void *address)
{
	if (cw_walk_is_readable(address))
		return 1;
	errno = EFAULT;
	return -1;
}

/* Follows frame pointers; without `all` only as far as the first frame that is not ours. */
static size_t walk_frame_pointers(uint64_t *ips, size_t max, bool all)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	uintptr_t checked_page = (uintptr_t)frame >> 12;
	size_t n = 0;

	while (n < max) {
		uintptr_t next = frame[0];

		ips[n++] = frame[1];
		if (!all && !is_own(frame[1]))
			break;
		if (next <= (uintptr_t)frame || next & 7 || !frame[1])
			break;
		if (next >> 12 != checked_page || (next + 8) >> 12 != checked_page) {
			if (!cw_walk_is_readable((void *)next) ||
			    !cw_walk_is_readable((void *)(next + 8)))
				break;
			checked_page = next >> 12;
		}
		frame = (const uintptr_t *)next;
	}
	return n;
}

/* May this thread enter libunwind now?  Waits for a fork of another thread to be over. */
static bool enter(void)
{
	for (int tries = 0; tries < FORK_YIELDS; tries++) {
		/* Sequentially consistent, with cw_unwind_fork_before(): one of us sees the other.
		 */
		atomic_fetch_add(&walkers, 1);
		if (!atomic_load(&cw_wiped->forkers) || cw_thread.forking)
			return true;
		atomic_fetch_sub(&walkers, 1);
		cw_raw(SYS_sched_yield);
	}
	return false;
}

static size_t walk_libunwind(uint64_t *ips, size_t max)
{
	int n;

	cw_thread.unwinding++;
	n = unw_backtrace((void **)ips, (int)max);
	cw_thread.unwinding--;
	atomic_fetch_sub(&walkers, 1);
	return n > 0 ? (size_t)n : 0;
}

static size_t drop_own_frames(uint64_t *ips, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_own(ips[i]))
			ips[kept++] = ips[i];
	return kept;
}

/* Our own functions all keep frame pointers, so their frames need no looking up. */
bool cw_unwind_start(struct cw_walk_start *ret)
{
	const uintptr_t *frame = __builtin_frame_address(0);

	if (kind != CW_UNWIND_LIBUNWIND)
		return false;
	while (is_own(frame[1])) {
		if (frame[0] <= (uintptr_t)frame)
			return false;
		frame = (const uintptr_t *)frame[0];
	}
	*ret = (struct cw_walk_start){.ip = frame[1], .sp = (uintptr_t)(frame + 2), .bp = frame[0]};
	return true;
}

/* A handler that interrupted libunwind must not enter it again. */
static bool may_enter_libunwind(void)
{
	return kind == CW_UNWIND_LIBUNWIND && !is_libunwind_lost && !cw_is_sandboxed &&
	       !cw_thread.unwinding && enter();
}

/* By the other ways: they begin with our own frames, so there must be room for those. */
static size_t walk_otherwise(uint64_t *ips, size_t max, uint16_t *ret_flags)
{
	uint64_t walked[CW_STACK_FRAMES_MAX + OWN_FRAMES];
	bool all = kind == CW_UNWIND_FP && !cw_is_sandboxed;
	size_t room = max + OWN_FRAMES, n;
	int saved_errno = errno;

	if (may_enter_libunwind()) {
		n = walk_libunwind(walked, room);
	} else {
		*ret_flags = all ? CW_STACK_FP : CW_STACK_CALLER;
		n = walk_frame_pointers(walked, room, all);
	}
	if (n == room)
		*ret_flags |= CW_STACK_CUT;
	n = drop_own_frames(walked, n);
	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++)
		ips[i] = walked[i];
	errno = saved_errno;
	return n;
}

size_t cw_unwind(uint64_t *ips, size_t max, uint16_t *ret_flags, struct cw_walk_trace *ret_trace)
{
	struct cw_walk_start start;
	size_t n = 0;

	*ret_flags = 0;
	if (ret_trace)
		ret_trace->is_whole = false;
	if (cw_unwind_start(&start) && cw_walk(&start, ips, max, &n, ret_trace)) {
		*ret_flags = n == max ? CW_STACK_CUT : 0;
		n = drop_own_frames(ips, n);
	} else if (kind != CW_UNWIND_NONE) {
		n = walk_otherwise(ips, max, ret_flags);
	}
	return n;
}

void cw_unwind_init(enum cw_unwinder wanted)
{
	uint64_t ips[CW_STACK_FRAMES_MAX];

	/* In a sandbox the layouts must do. */
	if (wanted == CW_UNWIND_LIBUNWIND && !cw_is_sandboxed && !load_libunwind())
		wanted = CW_UNWIND_FP;
	kind = wanted;
	if (kind != CW_UNWIND_LIBUNWIND)
		return;
	cw_walk_init();
	cw_layouts_init();
	/* Now its caches and pools exist. */
	if (may_enter_libunwind())
		walk_libunwind(ips, 4);
}

void cw_unwind_fork_before(void)
{
	unsigned int own = cw_thread.unwinding ? 1 : 0;

	cw_thread.forking++;
	atomic_fetch_add(&cw_wiped->forkers, 1);
	for (int tries = 0; atomic_load(&walkers) > own && tries < FORK_YIELDS && !cw_is_sandboxed;
	     tries++)
		cw_raw(SYS_sched_yield);
}

/* Nothing is written in a child that need not be: it would copy a page. */
static void leave_walkers_behind(void)
{
	unsigned int own = cw_thread.unwinding ? 1 : 0;

	if (atomic_load(&walkers) == own)
		return;
	is_libunwind_lost = true;
	atomic_store(&walkers, own);
}

void cw_unwind_fork_after(bool is_child)
{
	cw_thread.forking--;
	if (!is_child) {
		atomic_fetch_sub(&cw_wiped->forkers, 1);
		return;
	}
	leave_walkers_behind();
	/* The page is written anyway; reading it first would cost a fault more. */
	atomic_store(&cw_wiped->forkers, 0);
	cw_layouts_after_fork();
}
