/* SPDX-License-Identifier: MIT */
/*
 * Sizes and order of the sections.  What forked children read and write comes first: the sockets
 * closed last, the ring of forks, the stacks and the slots of the lowest descriptors.
 */
#include "track/plan.h"

#include "track/session.h"

#include "core/poison.h"

/* What only children read is not kept in memory, which they do not share. */
static const struct {
	uint32_t entry_size;
	uint32_t capacity;
	uint32_t capacity_in_memory;
} layout[CW_SECTIONS] = {
	[CW_SECTION_MODULES] = {sizeof(struct cw_module), CW_MODULES, 256},
	[CW_SECTION_STACK_INDEX] = {sizeof(uint32_t), CW_STACK_INDEX, CW_STACK_INDEX},
	[CW_SECTION_STACKS] = {1, CW_STACK_BYTES, 512 << 10},
	[CW_SECTION_SITES] = {sizeof(struct cw_site), CW_SITES, CW_SITES},
	[CW_SECTION_FORKS] = {sizeof(struct cw_fork), CW_FORKS, CW_FORKS},
	[CW_SECTION_EVENTS] = {sizeof(struct cw_event), CW_EVENTS, CW_EVENTS},
	[CW_SECTION_HANDED] = {sizeof(struct cw_slot), CW_HANDED, 0},
	[CW_SECTION_LATEST] = {sizeof(struct cw_slot), CW_LATEST, 0},
	[CW_SECTION_CHILDREN] = {sizeof(struct cw_child), CW_CHILDREN, 0},
	[CW_SECTION_FUNCTIONS] = {CW_FUNCTION_NAME, CW_FUNCTIONS, CW_FUNCTIONS},
	[CW_SECTION_SLOTS] = {sizeof(struct cw_slot), 0, 2048}, /* else by the limit */
};

static const uint8_t order[] = {
	CW_SECTION_LATEST, CW_SECTION_FORKS,	 CW_SECTION_STACK_INDEX, CW_SECTION_STACKS,
	CW_SECTION_SLOTS,  CW_SECTION_MODULES,	 CW_SECTION_SITES,	 CW_SECTION_EVENTS,
	CW_SECTION_HANDED, CW_SECTION_FUNCTIONS, CW_SECTION_CHILDREN,
};
_Static_assert(sizeof(order) == CW_SECTIONS, "each section once");

static uint32_t capacity_of(enum cw_section_id id, uint32_t slots)
{
	if (!slots)
		return layout[id].capacity_in_memory;
	return id == CW_SECTION_SLOTS ? slots : layout[id].capacity;
}

struct cw_plan cw_plan_make(uint32_t slots)
{
	struct cw_plan plan = {.size = CW_PLAN_BEGIN};

	for (int i = 0; i < CW_SECTIONS; i++) {
		enum cw_section_id id = order[i];
		struct cw_section *section = &plan.section[id];

		section->offset = plan.size;
		section->entry_size = layout[id].entry_size;
		section->size = (uint64_t)layout[id].entry_size * capacity_of(id, slots);
		plan.size += (section->size + 4095) & ~4095ull;
	}
	/* Whole blocks are made real: the last one must not reach beyond the mapping. */
	plan.size = (plan.size + CW_BLOCK - 1) / CW_BLOCK * CW_BLOCK;
	plan.common_end = plan.section[CW_SECTION_SLOTS].offset + CW_BLOCK;
	return plan;
}

uint32_t cw_plan_slots_in_memory(void)
{
	return layout[CW_SECTION_SLOTS].capacity_in_memory;
}
