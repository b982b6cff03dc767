/* SPDX-License-Identifier: MIT */
/*
 * prctl: the moment at which a process locks itself in.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "core/export.h"
#include "core/real.h"
#include "core/sandbox.h"

#include "core/poison.h"

CW_EXPORT int prctl(int option, ...)
{
	unsigned long a[4];
	bool is_entering;
	va_list ap;
	int ret;

	va_start(ap, option);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	is_entering = cw_sandbox_before_prctl(option, a[0]);
	ret = CW_REAL(prctl)(option, a[0], a[1], a[2], a[3]);
	if (is_entering && ret != 0)
		cw_sandbox_leave();
	return ret;
}
