/* SPDX-License-Identifier: MIT */
/*
 * Functions that are known by name, on the stacks of a model: each file is opened once and asked
 * for those of one table only.  Used by symbolize/ alone.
 */
#ifndef CWR_SYMBOLIZE_KNOWN_H
#define CWR_SYMBOLIZE_KNOWN_H

#include "model/model.h"
#include "symbolize/callee.h"

/* Set the first two; cwr_known_close() frees the rest. */
struct cwr_known {
	struct cwr_model *model;
	cwr_callee_fn *is_wanted;
	struct cwr_known_file *files;
};

/* What the known function is that was called with this return address of the module, or NULL. */
const void *cwr_known_called(struct cwr_known *known, const struct cwr_process *process,
			     const struct cwr_module *module, uint64_t ip);

/* What the known function is that the return address lies in, or NULL. */
const void *cwr_known_around(struct cwr_known *known, const struct cwr_process *process,
			     const struct cwr_module *module, uint64_t ip);

void cwr_known_close(struct cwr_known *known);

#endif
