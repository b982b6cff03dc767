/* SPDX-License-Identifier: MIT */
/*
 * The stack pointer is moved to a stack of ours, which then becomes the thread's alternate one:
 * the kernel begins the frame of a signal at the top of the alternate stack unless the thread is
 * there already (sigaltstack(2)), so the host's would be written over by the next one.
 */
#include "core/altstack.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/raw.h"
#include "core/sandbox.h"
#include "core/thread.h"

#include "core/poison.h"

enum { SIZE = 64 << 10 };

static char stack[SIZE] __attribute__((aligned(16)));

/* The process of which a thread is there; 0: none.  A forked child may find its parent here. */
static _Atomic pid_t user;

struct job {
	void (*work)(int argument);
	int argument;
};

static void become_alternate(const struct job *job)
{
	stack_t ours = {.ss_sp = stack, .ss_size = SIZE};

	cw_raw(SYS_sigaltstack, &ours, NULL);
	job->work(job->argument);
}

/* Calls become_alternate(job) on that stack; our functions all keep frame pointers. */
static void call_there(const struct job *job)
{
#if defined(__x86_64__)
	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "call *%[function]\n\t"
			 "mov %%rbx, %%rsp"
			 : "+D"(job)
			 : [top] "r"(stack + SIZE), [function] "r"(become_alternate)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0",
			   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
#elif defined(__aarch64__)
	register const struct job *x0 __asm__("x0") = job;

	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, %[top]\n\t"
			 "blr %[function]\n\t"
			 "mov sp, x19"
			 : "+r"(x0)
			 : [top] "r"(stack + SIZE), [function] "r"(become_alternate)
			 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
			   "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x30", "v0",
			   "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18", "v19",
			   "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
			   "v30", "v31", "memory", "cc");
#endif
}

static bool claim(void)
{
	pid_t seen = atomic_load_explicit(&user, memory_order_relaxed), self = cw_process_id();

	return seen != self &&
	       atomic_compare_exchange_strong_explicit(&user, &seen, self, memory_order_acquire,
						       memory_order_relaxed);
}

/* With SS_AUTODISARM there is no alternate stack while a handler runs, so it says nothing. */
static bool is_on_small_one(stack_t *ret_host)
{
	return !cw_is_sandboxed && cw_raw(SYS_sigaltstack, NULL, ret_host) == 0 &&
	       ret_host->ss_flags & SS_ONSTACK && ret_host->ss_size < SIZE;
}

void cw_altstack_run(void (*work)(int argument), int argument)
{
	struct job job = {work, argument};
	stack_t host;

	if (!is_on_small_one(&host) || !claim()) {
		work(argument);
		return;
	}
	call_there(&job);
	cw_raw(SYS_sigaltstack, &host, NULL);
	/* Release: pairs with the acquire of who takes it next. */
	atomic_store_explicit(&user, 0, memory_order_release);
}
