/* SPDX-License-Identifier: MIT */
/*
 * The model's memory: handed out in small pieces, freed all at once with the model.
 */
#ifndef CWR_ARENA_H
#define CWR_ARENA_H

#include <stddef.h>

struct cwr_arena_block;

struct cwr_arena {
	struct cwr_arena_block *blocks; /* newest first; NULL: nothing handed out yet */
};

/*
 * Zeroed, aligned for any type.  Never NULL: when memory is out it says so and ends the command,
 * because no report can be trusted from there on.
 */
void *cwr_arena_alloc(struct cwr_arena *arena, size_t size);
void cwr_arena_free(struct cwr_arena *arena);

/* Ends the command with one line and the status for input that cannot be read. */
void cwr_out_of_memory(void) __attribute__((noreturn));

#endif
