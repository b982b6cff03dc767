/* SPDX-License-Identifier: MIT */
/*
 * The place in the program that a stack stands for; see site.h.
 */
#include "model/site.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Beginnings of the names of libraries whose frames say nothing about the mistake. */
static const char *const runtime_modules[] = {
	"libc.so",	"libc-2.",	 "libpthread",	  "ld-linux",	"ld-musl",
	"libcwshim",	"libstdc++.so",	 "libgcc_s.",	  "libc++.so",	"libasan",
	"libtsan",	"libubsan",	 "libssl.so",	  "libssl3.so", "libcrypto.so",
	"libgnutls.so", "libmbedtls.so", "libwolfssl.so", "libnss3.so", "libnspr4.so",
	"linux-vdso",	"[vdso]",	 "libresolv.so.", "libdl.so",	"libm.so",
};

const char *cwr_site_basename(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path;
}

bool cwr_site_is_runtime(const char *module)
{
	const char *name = cwr_site_basename(module);

	if (!name)
		return false;
	for (size_t i = 0; i < sizeof(runtime_modules) / sizeof(runtime_modules[0]); i++)
		if (!strncmp(name, runtime_modules[i], strlen(runtime_modules[i])))
			return true;
	return false;
}

size_t cwr_site_index(const struct cwr_stack *stack)
{
	size_t best = stack->nframes;

	for (size_t i = 0; i < stack->nframes; i++) {
		const struct cwr_frame *frame = &stack->frames[i];

		if (cwr_site_is_runtime(frame->module))
			continue;
		if (frame->file)
			return i;
		if (best == stack->nframes)
			best = i;
	}
	return best == stack->nframes && stack->nframes ? 0 : best;
}

const struct cwr_frame *cwr_site_frame(const struct cwr_stack *stack)
{
	return stack && stack->nframes ? &stack->frames[cwr_site_index(stack)] : NULL;
}

const char *cwr_site_format(const struct cwr_frame *frame, char *text, size_t size)
{
	if (frame->file && frame->line)
		snprintf(text, size, "%s:%u", cwr_site_basename(frame->file), frame->line);
	else if (frame->module)
		snprintf(text, size, "%s+0x%" PRIx64, cwr_site_basename(frame->module),
			 frame->offset);
	else
		snprintf(text, size, "0x%" PRIx64, frame->ip);
	return text;
}
