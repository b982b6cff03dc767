/* SPDX-License-Identifier: MIT */
/*
 * What the kernel said of the descriptors and threads of processes that have ended since, kept for
 * a report that is made later.
 */
#ifndef CWR_CMD_KEEP_H
#define CWR_CMD_KEEP_H

#include "model/model.h"

struct cwr_kept;
struct cwr_kept_waits;

struct cwr_keep {
	size_t n;
	struct cwr_kept *entries;
	size_t nwaits; /* processes of which is known what they waited for */
	struct cwr_kept_waits *waits;
};

/* Keeps the testimony on the open descriptors of the process whose session is at path. */
void cwr_keep_add(struct cwr_keep *keep, const struct cwr_model *model, const char *path);

/* Gives a model, whose sessions have been read anew, what has been kept: as its probes. */
void cwr_keep_apply(const struct cwr_keep *keep, struct cwr_model *model);

void cwr_keep_free(struct cwr_keep *keep);

#endif
