/* SPDX-License-Identifier: MIT */
/*
 * dlclose: what is known of the frames of a library's functions must not be taken for those of
 * another one that is mapped to the same addresses later.  No signal handler may call it.
 */
#include <dlfcn.h>

#include "core/export.h"
#include "core/layouts.h"
#include "core/real.h"

#include "core/poison.h"

CW_EXPORT int dlclose(void *handle)
{
	int ret;

	cw_layouts_before_dlclose();
	ret = CW_REAL(dlclose)(handle);
	cw_layouts_after_dlclose();
	return ret;
}
