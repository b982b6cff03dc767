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

/*
 * Where the sources lie of what is compiled into a program and not its own: rustc's remapped paths
 * (library/std/src/..., /rustc/HASH/library/...), cargo's copies of crates, OCaml's unix library,
 * headers of C++ and of the system.
 */
static const char *const library_sources[] = {
	"/rustc/",
	"/rustlib/src/rust/library/",
	"/.cargo/registry/src/",
	"/.cargo/git/checkouts/",
	"/usr/include/",
	"/usr/local/include/",
	"/include/c++/",
};
static const char *const library_beginnings[] = {
	"library/std/src/",  "library/core/src/", "library/alloc/src/",
	"./otherlibs/unix/", "otherlibs/unix/",
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

bool cwr_site_is_library(const struct cwr_frame *frame)
{
	const char *file = frame->file;

	if (!file)
		return false;
	for (size_t i = 0; i < sizeof(library_sources) / sizeof(library_sources[0]); i++)
		if (strstr(file, library_sources[i]))
			return true;
	for (size_t i = 0; i < sizeof(library_beginnings) / sizeof(library_beginnings[0]); i++)
		if (!strncmp(file, library_beginnings[i], strlen(library_beginnings[i])))
			return true;
	return false;
}

/* How much a frame tells the user: nothing, a place in a library, one without line, one with. */
static int worth(const struct cwr_frame *frame)
{
	if (cwr_site_is_runtime(frame->module))
		return 0;
	if (cwr_site_is_library(frame))
		return 1;
	return frame->file ? 3 : 2;
}

size_t cwr_site_index(const struct cwr_stack *stack)
{
	size_t best = 0;

	if (!stack->nframes)
		return 0;
	for (size_t i = 1; i < stack->nframes; i++)
		if (worth(&stack->frames[i]) > worth(&stack->frames[best]))
			best = i;
	return best;
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
