/* SPDX-License-Identifier: MIT */
/*
 * Reads the call frame information that compilers leave in .eh_frame (Linux Standard Base Core 5.0,
 * "Exception Frames"; DWARF 5, section 6.4), of one object in memory.  x86-64 only.
 */
#ifndef CW_CORE_CFI_H
#define CW_CORE_CFI_H

#include <stdint.h>

#include "core/layout.h"

/* A loaded object, or one segment of it where they do not lie side by side. */
struct cw_object {
	uintptr_t start;
	uintptr_t end;
	const uint8_t *eh_frame_hdr; /* its PT_GNU_EH_FRAME segment, or NULL */
	uintptr_t data_start;	     /* what may be read around that */
	uintptr_t data_end;
	const void *identity; /* its struct link_map */
};

/*
 * The layout of the frame that executes at pc (of a caller: its return address - 1).  Whatever is
 * missing, damaged or not understood gives CW_LAYOUT_OTHER.  Reads nothing outside the object.
 * Async-signal-safe.
 */
struct cw_layout cw_cfi_layout(const struct cw_object *object, uintptr_t pc);

#endif
