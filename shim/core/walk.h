/* SPDX-License-Identifier: MIT */
/*
 * Walks a stack by the layouts of its frames.  Reads only memory that is known to be readable.
 */
#ifndef CW_CORE_WALK_H
#define CW_CORE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where to begin: in a caller, just after its call. */
struct cw_walk_start {
	uintptr_t ip; /* the return address */
	uintptr_t sp; /* rsp as it will be after the return */
	uintptr_t bp; /* and rbp */
};

enum { CW_WALK_WORDS_MAX = 28 };

/*
 * What a walk depended on, other than ip and sp of its start: words of the stack, by their distance
 * from sp, and whether rbp as well.
 */
struct cw_walk_trace {
	/* All is noted: it lies in the thread's own stack, and the layouts are of objects that
	 * stay. */
	bool is_whole;
	bool needs_bp;
	uint32_t words;
	uint32_t offset[CW_WALK_WORDS_MAX]; /* in bytes, a multiple of 8 if sp is */
	uintptr_t value[CW_WALK_WORDS_MAX];
};

/* Once, by the constructor, on the first thread. */
void cw_walk_init(void);

/*
 * Writes start->ip and the return addresses above it, at most max.  False if a frame was met that
 * only libunwind may understand; those up to it were written.  *ret_trace is filled in
 * unless it is NULL.  Async-signal-safe; makes
 * system calls only for memory that this thread has not asked about before, and none in a sandbox.
 */
bool cw_walk(const struct cw_walk_start *start, uint64_t *ips, size_t max, size_t *ret_n,
	     struct cw_walk_trace *ret_trace);

/* Can one byte be read at this address?  One system call, no descriptor, no side effect. */
bool cw_walk_is_readable(const void *address);

#endif
