/* SPDX-License-Identifier: MIT */
/*
 * The table of report formats; see render.h.
 */
#include "render/render.h"

#include <errno.h>
#include <string.h>

const struct cwr_format cwr_formats[] = {
	{"text", "for people", false, cwr_render_text},
	{"json", "for programs, schema cwshim-report/1", true, cwr_render_json},
	{NULL, NULL, false, NULL},
};

const struct cwr_format *cwr_format_find(const char *name)
{
	for (const struct cwr_format *format = cwr_formats; format->name; format++)
		if (!strcmp(format->name, name))
			return format;
	return NULL;
}

struct cwr_error *cwr_render(const struct cwr_model *model, const struct cwr_format *format,
			     const struct cwr_render_options *options, FILE *out)
{
	struct cwr_render_options used = *options;
	struct cwr_error *error;

	if (used.columns <= 0)
		used.columns = 100;
	error = format->render(model, &used, out);
	if (error)
		return error;
	errno = 0;
	if (fflush(out) || ferror(out))
		return cwr_error_new(CWR_EXIT_INPUT, "cannot write the report: %s",
				     errno ? strerror(errno) : "output error");
	return NULL;
}
