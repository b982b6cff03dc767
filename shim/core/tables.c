/* SPDX-License-Identifier: MIT */
/*
 * A guard page in each mapping that children use.  The library's is a page of nothing among its
 * code; code, constants and symbols are in one mapping (see CMakeLists.txt).
 */
#include "core/tables.h"

#include <stdint.h>

#include "core/raw.h"
#include "core/sandbox.h"

#include "core/poison.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* In a section of its own, so that no function comes to lie in it. */
__asm__(".pushsection .text.cw_gap,\"ax\",@progbits\n"
	"	.balign 4096\n"
	"	.hidden cw_gap\n"
	"	.globl cw_gap\n"
	"cw_gap:\n"
	"	.space 4096\n"
	"	.popsection\n");
_Static_assert(CW_TABLES_GAP == 4096, "as the section above has it");

extern char cw_gap[];
/* The end of the code, from the linker. */
extern char etext[] __attribute__((visibility("hidden")));

static bool is_library_copied;

bool cw_tables_copy(void *gap)
{
	return !cw_is_sandboxed && cw_raw(SYS_madvise, gap, CW_TABLES_GAP, MADV_GUARD_INSTALL) == 0;
}

void cw_tables_copy_library(void)
{
	is_library_copied = cw_tables_copy(cw_gap);
}

void cw_tables_drop_seldom(void)
{
	uintptr_t seldom = (uintptr_t)cw_gap + CW_TABLES_GAP, end = (uintptr_t)etext & ~4095ul;

	if (is_library_copied && !cw_is_sandboxed && seldom < end)
		cw_raw(SYS_madvise, seldom, end - seldom, MADV_DONTNEED);
}
