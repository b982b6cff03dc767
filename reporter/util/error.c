/* SPDX-License-Identifier: MIT */
/*
 * Errors as values; see error.h.
 */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct cwr_error out_of_memory = {.status = CWR_EXIT_INPUT, .message = "out of memory"};

struct cwr_error *cwr_error_new(enum cwr_exit status, const char *format, ...)
{
	struct cwr_error *error = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length >= 0)
		error = malloc(sizeof(*error) + (size_t)length + 1);
	if (!error)
		return &out_of_memory;
	error->status = status;
	va_start(args, format);
	vsnprintf(error->message, (size_t)length + 1, format, args);
	va_end(args);
	return error;
}

void cwr_error_free(struct cwr_error *error)
{
	if (error != &out_of_memory)
		free(error);
}
