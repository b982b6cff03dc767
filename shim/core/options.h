/* SPDX-License-Identifier: MIT */
/*
 * CWSHIM_OPTIONS: colon-separated key=value, as LSAN_OPTIONS.
 */
#ifndef CW_CORE_OPTIONS_H
#define CW_CORE_OPTIONS_H

#include <stdint.h>

enum cw_unwinder { CW_UNWIND_NONE, CW_UNWIND_CALLER, CW_UNWIND_FP, CW_UNWIND_LIBUNWIND };

/* Every value as it was written, checked, and as a number where it is one. */
struct cw_option_value {
	const char *text; /* valid for ever */
	uint64_t number;  /* flag, count, exitcode, depth; signal: its number or 0; duration: ns;
			   * unwinder: enum cw_unwinder */
};

enum cw_filter { CW_FILTER_AUTO, CW_FILTER_AVOID, CW_FILTER_TRUST };

struct cw_options {
#define CW_OPTION(name, type, initial, help) struct cw_option_value name;
#include "core/option-table.h"
#undef CW_OPTION
};

extern struct cw_options cw_options;

/*
 * Reads the text (NULL: none), which is copied.  An unknown key or a bad value gives one line on
 * standard error and keeps the default.  Called once, by the constructor.
 */
void cw_options_init(const char *text);

#endif
