/* SPDX-License-Identifier: MIT */
/*
 * The place in the program that a stack stands for: the frame that a user can change, which is the
 * innermost one outside libc and the other run-time libraries, linked to it or compiled into it.
 */
#ifndef CWR_SITE_H
#define CWR_SITE_H

#include "model/model.h"

/* Is this a library that no user would look for the mistake in?  NULL is not. */
bool cwr_site_is_runtime(const char *module);

/*
 * Is this code of a library that is compiled into the program: the standard library of Rust, OCaml
 * or C++, a crate, a header of the system?
 */
bool cwr_site_is_library(const struct cwr_frame *frame);

/*
 * Index of the frame to show first: the innermost one of the user's own code, best with a source
 * line.  nframes if the stack has no frames yet.
 */
size_t cwr_site_index(const struct cwr_stack *stack);

/* The frame at that index, or NULL; stack may be NULL. */
const struct cwr_frame *cwr_site_frame(const struct cwr_stack *stack);

/*
 * Writes "server.c:88", or without line information "server+0x1234", or "0x7f...", cut at size;
 * returns text.
 */
const char *cwr_site_format(const struct cwr_frame *frame, char *text, size_t size);

/* The part of path after the last slash; NULL for NULL. */
const char *cwr_site_basename(const char *path);

#endif
