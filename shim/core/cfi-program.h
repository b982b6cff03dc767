/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of the reader of call frame information: cfi.c finds and reads the
 * entries, cfi-program.c executes their instructions.
 */
#ifndef CW_CORE_CFI_PROGRAM_H
#define CW_CORE_CFI_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/layout.h"

/* Bytes still to be read.  Reading past the end gives zeros and sets is_bad. */
struct cw_bytes {
	const uint8_t *at;
	const uint8_t *end;
	bool is_bad;
};

/* An unsigned number of 1, 2, 4 or 8 bytes. */
uint64_t cw_bytes_fixed(struct cw_bytes *bytes, unsigned int size);
/* LEB128 numbers (DWARF 5, section 7.6). */
uint64_t cw_bytes_uleb(struct cw_bytes *bytes);
int64_t cw_bytes_sleb(struct cw_bytes *bytes);

struct cw_cfi_program {
	struct cw_bytes common; /* the instructions of the CIE */
	struct cw_bytes own;	/* and those of the FDE */
	uint64_t code_align;
	int64_t data_align;
	uintptr_t start; /* the first address that the FDE covers */
};

/* Executes both up to pc.  CW_LAYOUT_OTHER where the result is none that struct cw_layout holds. */
struct cw_layout cw_cfi_execute(const struct cw_cfi_program *program, uintptr_t pc);

#endif
