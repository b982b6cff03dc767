/* SPDX-License-Identifier: MIT */
/*
 * Reports: the model's findings in one of several formats.  Rendering changes nothing and decides
 * nothing.  A format is one row of the table in formats.c and one file.
 */
#ifndef CWR_RENDER_H
#define CWR_RENDER_H

#include "model/model.h"
#include "util/error.h"

#include <stdio.h>

struct cwr_render_options {
	bool color;	      /* escape sequences of a terminal */
	bool all;	      /* every frame, every socket, also what is no leak */
	bool show_suppressed; /* suppressed findings too */
	int columns;	      /* width of the page; 0: 100 */
};

struct cwr_format {
	const char *name;    /* as in --format= */
	const char *summary; /* for the help, without a full stop */
	bool has_cloexec;    /* it tells of each descriptor whether it is close-on-exec */
	struct cwr_error *(*render)(const struct cwr_model *model,
				    const struct cwr_render_options *options, FILE *out);
};

/* All formats; ends with a row whose name is NULL. */
extern const struct cwr_format cwr_formats[];

/* NULL if there is no such format. */
const struct cwr_format *cwr_format_find(const char *name);

/* Writes the report.  Errors: out cannot be written, out of memory. */
struct cwr_error *cwr_render(const struct cwr_model *model, const struct cwr_format *format,
			     const struct cwr_render_options *options, FILE *out);

/* The formats; called through the table only. */
struct cwr_error *cwr_render_text(const struct cwr_model *model,
				  const struct cwr_render_options *options, FILE *out);
struct cwr_error *cwr_render_json(const struct cwr_model *model,
				  const struct cwr_render_options *options, FILE *out);

/* What stands below the findings of the text, or nothing.  Errors of out are left to the caller. */
void cwr_render_text_end(const struct cwr_model *model, const struct cwr_render_options *options,
			 FILE *out);

#endif
