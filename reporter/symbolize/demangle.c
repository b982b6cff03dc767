/* SPDX-License-Identifier: MIT */
/*
 * Demangling by libiberty.  Parameters are left out: the line tells overloads apart, and the lists
 * of template-heavy programs would bury it.
 */
#include "symbolize/demangle.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

const char *cwr_demangle(struct cwr_model *model, const char *symbol)
{
	char *readable = cplus_demangle(symbol, DMGL_AUTO | DMGL_ANSI);
	char *copy = cwr_model_strdup(model, readable ? readable : symbol);

	free(readable);
	if (!readable)
		copy[strcspn(copy, "@")] = '\0';
	return copy;
}
