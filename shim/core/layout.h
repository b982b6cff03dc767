/* SPDX-License-Identifier: MIT */
/*
 * What one step of a walk needs to know of a frame on x86-64: where its caller's frame begins (the
 * canonical frame address, CFA; DWARF 5, section 6.4), and where it saved the caller's rbp.  The
 * return address is always at CFA - 8.
 */
#ifndef CW_CORE_LAYOUT_H
#define CW_CORE_LAYOUT_H

#include <stdint.h>

enum cw_layout_kind {
	CW_LAYOUT_NONE,	  /* nothing is known: no object is there */
	CW_LAYOUT_SP,	  /* CFA = rsp + cfa */
	CW_LAYOUT_BP,	  /* CFA = rbp + cfa */
	CW_LAYOUT_AT_BP,  /* CFA = the word at rbp + cfa: functions that align the stack anew */
	CW_LAYOUT_SIGNAL, /* the kernel's frame of a signal: a ucontext is at rsp */
	CW_LAYOUT_END,	  /* there is no caller: the start of the thread */
	CW_LAYOUT_OTHER	  /* something else: libunwind must be asked */
};

enum cw_layout_bp {
	CW_BP_SAME,   /* rbp was not changed */
	CW_BP_AT_CFA, /* it is saved at CFA + bp */
	CW_BP_AT_BP   /* it is saved at rbp + bp */
};

struct cw_layout {
	enum cw_layout_kind kind;
	enum cw_layout_bp bp_rule;
	int32_t cfa; /* in bytes, a multiple of 8, as is bp */
	int32_t bp;
};

enum { CW_LAYOUT_BITS = 40 };

/* In CW_LAYOUT_BITS bits; what does not fit becomes CW_LAYOUT_OTHER.  Never 0. */
uint64_t cw_layout_pack(const struct cw_layout *layout);

/* The fields of a packed layout, each signed number in units of CW_LAYOUT_UNIT bytes. */
enum {
	CW_LAYOUT_KIND_BITS = 3,
	CW_LAYOUT_RULE_BITS = 2,
	CW_LAYOUT_CFA_BITS = 20,
	CW_LAYOUT_BP_BITS = 15,
	CW_LAYOUT_UNIT = 8
};

/* Takes the low CW_LAYOUT_BITS bits.  Inline: done for each frame of each stack. */
static inline struct cw_layout cw_layout_unpack(uint64_t packed)
{
	uint64_t from_bp = packed << (64 - CW_LAYOUT_BITS);
	uint64_t from_cfa = from_bp << CW_LAYOUT_BP_BITS;

	return (struct cw_layout){
		.kind = packed & ((1u << CW_LAYOUT_KIND_BITS) - 1),
		.bp_rule = packed >> CW_LAYOUT_KIND_BITS & ((1u << CW_LAYOUT_RULE_BITS) - 1),
		.cfa = (int32_t)((int64_t)from_cfa >> (64 - CW_LAYOUT_CFA_BITS)) * CW_LAYOUT_UNIT,
		.bp = (int32_t)((int64_t)from_bp >> (64 - CW_LAYOUT_BP_BITS)) * CW_LAYOUT_UNIT,
	};
}

#endif
