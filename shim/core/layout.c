/* SPDX-License-Identifier: MIT */
/*
 * Packs a frame's layout into one word, so that it can be stored and read in one piece.  Pure.
 */
#include "core/layout.h"

#include <stdbool.h>

#include "core/poison.h"

static bool fits(int32_t bytes, unsigned int bits)
{
	int32_t limit = 1 << (bits - 1);

	return bytes % CW_LAYOUT_UNIT == 0 && bytes / CW_LAYOUT_UNIT >= -limit &&
	       bytes / CW_LAYOUT_UNIT < limit;
}

static uint64_t put(int32_t bytes, unsigned int bits)
{
	return (uint64_t)(uint32_t)(bytes / CW_LAYOUT_UNIT) & ((1u << bits) - 1);
}

uint64_t cw_layout_pack(const struct cw_layout *layout)
{
	if (!fits(layout->cfa, CW_LAYOUT_CFA_BITS) || !fits(layout->bp, CW_LAYOUT_BP_BITS))
		return CW_LAYOUT_OTHER;
	return layout->kind | (uint64_t)layout->bp_rule << CW_LAYOUT_KIND_BITS |
	       put(layout->cfa, CW_LAYOUT_CFA_BITS) << (CW_LAYOUT_KIND_BITS + CW_LAYOUT_RULE_BITS) |
	       put(layout->bp, CW_LAYOUT_BP_BITS)
		       << (CW_LAYOUT_KIND_BITS + CW_LAYOUT_RULE_BITS + CW_LAYOUT_CFA_BITS);
}
