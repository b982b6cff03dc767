/* SPDX-License-Identifier: MIT */
/*
 * The memory is private, so a forked child has a copy of its parent's session and goes on with it:
 * the stacks and their numbers stay true, and what the parent recorded is turned, in place, into
 * what the child inherited.
 */
#include "track/memory.h"

#include <stddef.h>

#include "core/clock.h"
#include "core/thread.h"
#include "track/slots.h"

#include "core/poison.h"

/*
 * Behind all other data (link order, as in core/thread.c): between them it would put them into
 * different page tables, and each fork copies those.
 */
__attribute__((aligned(4096), used, section(".sbss.cw_memory"))) char cw_memory[CW_MEMORY_BYTES];

/* A note (elf(5)): sizes of owner and content, the type, the owner padded to four, the content. */
__asm__(".pushsection .note.cwshim,\"a\",@note\n"
	"	.balign 4\n"
	"	.long 7, 8, 1\n" /* CW_NOTE_MEMORY */
	"	.asciz \"cwshim\"\n"
	"	.balign 4\n"
	"	.quad cw_memory - .\n"
	"	.popsection\n");
_Static_assert(sizeof(CW_NOTE_OWNER) == 7 && CW_NOTE_MEMORY == 1, "as the note above has it");

struct cw_session_header *cw_memory_session(void)
{
	return (struct cw_session_header *)cw_memory;
}

bool cw_memory_is_session(const struct cw_map *map)
{
	return map && map->header == cw_memory_session();
}

/* As adopt_one() in slots.c does it with a session of a file. */
static void inherit(int fd, uint64_t t)
{
	struct cw_slot *slot = cw_slots_find(fd) ? cw_slots_begin(fd) : NULL;

	if (!slot)
		return;
	slot->via = CW_VIA_FORK;
	slot->via_mark = CW_MARK(t, 0, 0);
	slot->passed = slot->waited = slot->unpolled = slot->closed = (struct cw_mark){0};
	slot->note = (struct cw_note){0};
	slot->fork_seq = 0;
	cw_slots_commit(slot);
}

static void forget_statistics(struct cw_map *map)
{
	for (uint32_t i = 0; i < CW_SITES; i++) {
		struct cw_site *site = cw_session_peek(map, CW_SECTION_SITES, i);

		if (site && site->stack)
			*site = (struct cw_site){.stack = site->stack};
	}
}

static void forget_forks(struct cw_map *map)
{
	for (uint64_t i = 0; i < map->header->forks && i < CW_FORKS; i++) {
		struct cw_fork *fork = cw_session_peek(map, CW_SECTION_FORKS, (uint32_t)i);

		if (fork)
			*fork = (struct cw_fork){0};
	}
	map->header->forks = 0;
	map->header->section[CW_SECTION_FORKS].used = 0;
}

void cw_memory_after_fork(struct cw_map *map, uint32_t fork_seq, uint64_t t)
{
	struct cw_session_header *header = map->header;

	header->from_fork = 1;
	header->t_forked = t;
	header->parent_pid = header->pid;
	header->parent_fork_seq = fork_seq;
	header->parent_t_start = header->t_start;
	header->pid = cw_process_id();
	header->t_start = cw_now();
	header->created = header->closed = 0;
	forget_statistics(map);
	forget_forks(map);
	for (uint32_t fd = 0; fd < cw_slots_end(); fd++)
		if (cw_slots_is_tracked((int)fd))
			inherit((int)fd, t);
}
