/* SPDX-License-Identifier: MIT */
/*
 * The model's memory; see arena.h.
 */
#include "model/arena.h"
#include "util/error.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct cwr_arena_block {
	struct cwr_arena_block *next;
	size_t used;
	size_t size;
	max_align_t data[];
};

enum { BLOCK_SIZE = 64 * 1024 };

void cwr_out_of_memory(void)
{
	fputs("cwshim: out of memory\n", stderr);
	exit(CWR_EXIT_INPUT);
}

static size_t round_up(size_t size)
{
	const size_t align = _Alignof(max_align_t);

	if (size > SIZE_MAX / 2)
		cwr_out_of_memory();
	return (size + align - 1) / align * align;
}

static struct cwr_arena_block *add_block(struct cwr_arena *arena, size_t size)
{
	struct cwr_arena_block *block;

	if (size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	block = calloc(1, sizeof(*block) + size);
	if (!block)
		cwr_out_of_memory();
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *cwr_arena_alloc(struct cwr_arena *arena, size_t size)
{
	struct cwr_arena_block *block = arena->blocks;
	void *memory;

	size = round_up(size ? size : 1);
	if (!block || block->size - block->used < size)
		block = add_block(arena, size);
	memory = (char *)block->data + block->used;
	block->used += size;
	return memory;
}

void cwr_arena_free(struct cwr_arena *arena)
{
	struct cwr_arena_block *block;

	while ((block = arena->blocks)) {
		arena->blocks = block->next;
		free(block);
	}
}
