/* SPDX-License-Identifier: MIT */
/*
 * What the shim knows of the calling thread and process.  Async-signal-safe.
 */
#ifndef CW_CORE_THREAD_H
#define CW_CORE_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Initial-exec thread-local storage (see CMakeLists.txt): reading it never allocates. */
struct cw_thread {
	int32_t tid; /* cached; valid while tid_of equals the process id */
	int32_t tid_of;
	uint32_t unwinding;  /* the unwinder is at work: its calls are not the host's */
	uint32_t in_vfork;   /* this is a vfork child in its parent's memory, or the parent waiting
				for it */
	int32_t eof_fd;	     /* the descriptor on which this thread has read an end-of-file ... */
	uint64_t eof_cookie; /* ... and whose, until it closes something; 0: none */
	uintptr_t stack_low; /* from here to stack_high its own stack is known to be readable */
	uintptr_t stack_high;
	uintptr_t stack_top; /* for the first thread: an address near the top of its stack */
};

extern __thread struct cw_thread cw_thread;

/*
 * In a page that the kernel wipes in every forked child, whichever call forked it: what is about
 * threads that a child does not have.  There it is 0 without being written, which would copy a
 * page.
 */
struct cw_wiped {
	volatile pid_t process_id;
	atomic_uint forkers; /* threads inside fork */
	atomic_int closers;  /* threads inside dlclose() */
};

extern struct cw_wiped *cw_wiped;

/*
 * For data that a forked child writes while it comes to be or ends.  All of it lies together,
 * whichever file it is of, so that the child copies one page of it and not one for each file.
 * Section names that begin so are of data that is zero at the start, and not merged with .bss.
 */
#define CW_FORKED __attribute__((section(".sbss.cw_forked")))

/* The same for a table of which the beginning is used most: that is in the page of the rest. */
#define CW_FORKED_TABLE __attribute__((section(".sbss.cw_forked_table")))

/* The constructor has run: before that nothing is recorded. */
extern bool cw_is_ready;

/*
 * A child made with CLONE_VM but not by vfork shares our memory and runs beside us: from then on
 * each record is preceded by getpid(2), to know which of the two this is.
 */
extern bool cw_has_vm_children;

/* May anything be recorded by this thread now? */
bool cw_may_record(void);

/* Makes the page that fork wipes (MADV_WIPEONFORK, madvise(2)).  Called once, by the constructor.
 */
void cw_process_id_init(void);

/*
 * The process id, asked for anew: of the kernel, in a sandbox of libc, which keeps the number of
 * each thread (the only one of a process just forked has the process's).
 */
pid_t cw_process_id_ask(void);

/*
 * The process id, cached in the wiped page: 0 in a child of any kind of fork without CLONE_VM until
 * cw_process_id_renew() was called there, and before the constructor ran.
 */
pid_t cw_process_id(void);

/* Asks the kernel again.  Returns the id. */
pid_t cw_process_id_renew(void);

/* The calling thread's id, cached. */
pid_t cw_thread_id(void);

#endif
