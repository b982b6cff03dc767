/* SPDX-License-Identifier: MIT */
/*
 * Packs a frame's layout into one word, so that it can be stored and read in one piece.  Pure.
 */
#include "core/layout.h"

#include <stdbool.h>

#include "core/poison.h"

enum { KIND_BITS = 3, RULE_BITS = 2, CFA_BITS = 20, BP_BITS = 15, UNIT = 8 };

static bool fits(int32_t bytes, unsigned int bits)
{
	int32_t limit = 1 << (bits - 1);

	return bytes % UNIT == 0 && bytes / UNIT >= -limit && bytes / UNIT < limit;
}

static uint64_t put(int32_t bytes, unsigned int bits)
{
	return (uint64_t)(uint32_t)(bytes / UNIT) & ((1u << bits) - 1);
}

static int32_t get(uint64_t field, unsigned int bits)
{
	return (int32_t)((uint32_t)field << (32 - bits)) >> (32 - bits);
}

uint64_t cw_layout_pack(const struct cw_layout *layout)
{
	if (!fits(layout->cfa, CFA_BITS) || !fits(layout->bp, BP_BITS))
		return CW_LAYOUT_OTHER;
	return layout->kind | (uint64_t)layout->bp_rule << KIND_BITS |
	       put(layout->cfa, CFA_BITS) << (KIND_BITS + RULE_BITS) |
	       put(layout->bp, BP_BITS) << (KIND_BITS + RULE_BITS + CFA_BITS);
}

struct cw_layout cw_layout_unpack(uint64_t packed)
{
	uint64_t cfa = packed >> (KIND_BITS + RULE_BITS);

	return (struct cw_layout){
		.kind = packed & ((1u << KIND_BITS) - 1),
		.bp_rule = packed >> KIND_BITS & ((1u << RULE_BITS) - 1),
		.cfa = get(cfa, CFA_BITS) * UNIT,
		.bp = get(cfa >> CFA_BITS, BP_BITS) * UNIT,
	};
}
