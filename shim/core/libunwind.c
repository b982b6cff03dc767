/* SPDX-License-Identifier: MIT */
/*
 * libunwind is loaded with RTLD_LOCAL, never linked: it exports _Unwind_RaiseException, and as a
 * dependency it would take over the host's C++ exceptions.  It checks addresses by writing to a
 * pipe of its own on low descriptor numbers, which breaks hosts that close all descriptors; so its
 * calls of pipe2, read, write and syscall come to interpose/unwinder.c, which answers without a
 * pipe.
 */
#include "core/libunwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/single_threaded.h>

#include "core/raw.h"
#include "core/sandbox.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "core/walk.h"

#include "core/poison.h"

enum {
	FORK_YIELDS = 200,	 /* how long fork waits for threads inside libunwind */
	LOOKED_THROUGH = 1 << 18 /* bytes; below a stack that is deeper nothing is loaded */
};

static atomic_int state;
enum { NOT_LOADED, LOADING, LOADED, ABSENT };

static pid_t permitted;
static bool is_lost; /* its locks were copied as held by a thread that is not here */
static int (*unw_backtrace)(void **buffer, int size);
static uintptr_t range_start, range_end;

static atomic_uint walkers; /* threads inside libunwind */

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
	range_start = start;
	range_end = end;
	return 1;
}

static bool open_library(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	uintptr_t inside;

	if (!library) {
		dlerror(); /* is no news for the host's own dlerror(3) */
		return false;
	}
	unw_backtrace = (int (*)(void **, int))dlsym(library, "unw_backtrace");
	inside = (uintptr_t)unw_backtrace;
	return unw_backtrace && dl_iterate_phdr(find_range, &inside) == 1;
}

bool cw_libunwind_load(void)
{
	int seen = NOT_LOADED;

	if (!atomic_compare_exchange_strong(&state, &seen, LOADING))
		return seen == LOADED;
	seen = open_library() ? LOADED : ABSENT;
	atomic_store(&state, seen);
	return seen == LOADED;
}

void cw_libunwind_permit(void)
{
	permitted = cw_process_id();
}

#if defined(__x86_64__)
/* As the kernel has it (arch/x86/include/uapi/asm/signal.h). */
struct kernel_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

/* Does this word stand on the first thread's stack, from that address to its top? */
static bool is_on_stack(uintptr_t word, uintptr_t from)
{
	const uintptr_t *here = (const uintptr_t *)from;
	const uintptr_t *top = (const uintptr_t *)(cw_thread.stack_top & ~(uintptr_t)7);

	for (const uintptr_t *at = here; at < top; at++)
		if (*at == word)
			return true;
	return false;
}

/*
 * On the first thread's own stack, in no signal handler?  The frame of one begins with the address
 * that it returns to, which came with its action (setup_rt_frame() in arch/x86/kernel/signal_64.c).
 * A word left over from a handler that is long over can make this false, never true.  In our own
 * frames, which have room for many words and are not looked through, there would be some.
 */
static bool is_normal_context(void)
{
	struct cw_walk_start host;
	uintptr_t last = 0;

	if (!cw_unwind_start(&host) || host.sp & 7 || host.sp >= cw_thread.stack_top ||
	    cw_thread.stack_top - host.sp > LOOKED_THROUGH)
		return false;
	for (int number = 1; number < _NSIG; number++) {
		struct kernel_sigaction action;

		if (cw_raw(SYS_rt_sigaction, number, NULL, &action, 8) != 0 ||
		    action.restorer == last || !action.restorer)
			continue;
		last = action.restorer;
		if (is_on_stack(last, host.sp))
			return false;
	}
	return true;
}
#else
static bool is_normal_context(void)
{
	return false;
}
#endif

static bool may_load(void)
{
	return permitted && permitted == cw_process_id() && __libc_single_threaded &&
	       !cw_thread.in_vfork && !atomic_load(&cw_wiped->forkers) && is_normal_context();
}

/*
 * May this thread enter it now?  Waits for a fork of another thread to be over; in vain, if the
 * fork is its own (a handler of pthread_atfork()): no mark tells, because a thread's variables are
 * in a page that each fork would have to copy.
 */
static bool enter(void)
{
	for (int tries = 0; tries < FORK_YIELDS; tries++) {
		/* Sequentially consistent, with cw_libunwind_fork_before(): one of us sees the
		 * other.
		 */
		atomic_fetch_add(&walkers, 1);
		if (!atomic_load(&cw_wiped->forkers))
			return true;
		atomic_fetch_sub(&walkers, 1);
		cw_raw(SYS_sched_yield);
	}
	return false;
}

/* A handler that interrupted it must not enter it again. */
static bool may_enter(void)
{
	if (is_lost || cw_is_sandboxed || cw_thread.unwinding)
		return false;
	if (atomic_load(&state) == NOT_LOADED && may_load())
		cw_libunwind_load();
	return atomic_load(&state) == LOADED && enter();
}

size_t cw_libunwind_walk(uint64_t *ips, size_t max)
{
	int n;

	if (!may_enter())
		return 0;
	cw_thread.unwinding++;
	n = unw_backtrace((void **)ips, (int)max);
	cw_thread.unwinding--;
	atomic_fetch_sub(&walkers, 1);
	return n > 0 ? (size_t)n : 0;
}

void cw_libunwind_fork_before(void)
{
	unsigned int own = cw_thread.unwinding ? 1 : 0;

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
	is_lost = true;
	atomic_store(&walkers, own);
}

void cw_libunwind_fork_after(bool is_child)
{
	if (!is_child) {
		atomic_fetch_sub(&cw_wiped->forkers, 1);
		return;
	}
	leave_walkers_behind();
	/* The page is written anyway; reading it first would cost a fault more. */
	atomic_store(&cw_wiped->forkers, 0);
}

bool cw_libunwind_is_caller(const void *return_address)
{
	uintptr_t ip = (uintptr_t)return_address;

	return cw_thread.unwinding && ip >= range_start && ip < range_end;
}

long cw_libunwind_answer_write(const void *address)
{
	if (cw_walk_is_readable(address))
		return 1;
	errno = EFAULT;
	return -1;
}
