/* SPDX-License-Identifier: MIT */
/*
 * Suppressions: rules, a line each, of findings that the user knows and accepts.
 *
 *	leak:PATTERN       function, file or module of any frame of the creating stack; `*` stands
 *for anything, `^` and `$` for the ends, otherwise the pattern may stand anywhere cause:ID that
 *cause peer:CIDR[:PORT]   sockets with that peer, as 10.0.0.0/8, 127.0.0.1:8080 or [fe80::]/10:80
 *	local:CIDR[:PORT]
 *	exe:GLOB           program, by path or by name
 */
#ifndef CWR_SUPPRESS_H
#define CWR_SUPPRESS_H

#include "model/model.h"
#include "util/error.h"

/* Adds the rules of that file to model->suppressions.  A line that is no rule is an error. */
struct cwr_error *cwr_suppress_load(struct cwr_model *model, const char *path);

/*
 * Marks the findings that a rule matches and counts them.  A finding of which a rule matches only
 * some sockets is split.  The stacks have been symbolized.
 */
void cwr_suppress_apply(struct cwr_model *model);

/* Does text match a `leak:` pattern?  NULL never does. */
bool cwr_suppress_matches(const char *pattern, const char *text);

/* Is the address in CIDR[:PORT]?  Returns false, too, if range is none. */
bool cwr_suppress_in_range(const char *range, const struct cwr_addr *addr);

#endif
