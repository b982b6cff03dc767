/* SPDX-License-Identifier: MIT */
/*
 * The way of every report: load, observe, diagnose, explain, write.
 */
#ifndef CWR_CMD_PIPELINE_H
#define CWR_CMD_PIPELINE_H

#include "cmd/options.h"
#include "kernel/kernel.h"
#include "model/model.h"

#include <stdio.h>

/* Free it with cwr_model_free(), also after an error (it may be NULL then). */
struct cwr_error *cwr_pipeline_start(const struct cwr_options *options, const char *reason,
				     struct cwr_model **ret_model);

/*
 * Asks the kernel and judges: which findings there are is known after this.  The list is from
 * before the sessions were read.
 */
struct cwr_error *cwr_pipeline_judge(struct cwr_model *model, const struct cwr_kernel_list *list);

/* Removes the findings that are no concern of this process at its end. */
void cwr_pipeline_keep_own(struct cwr_model *model, const struct cwr_process *process);

/* Symbols, suppressions, advice, summary, and what has been closed since an earlier report. */
struct cwr_error *cwr_pipeline_explain(struct cwr_model *model);

/* How many findings fail the check; after cwr_pipeline_explain() without the suppressed ones. */
unsigned int cwr_pipeline_count_failing(const struct cwr_model *model);

/* Is there any finding that is more than a connection in use, or less than there was? */
bool cwr_pipeline_has_news(const struct cwr_model *model);

/* Writes the report to options->output, else to `otherwise`. */
struct cwr_error *cwr_pipeline_write(const struct cwr_model *model,
				     const struct cwr_options *options, FILE *otherwise);

/* The exit status of a reporting command. */
int cwr_pipeline_status(const struct cwr_model *model, const struct cwr_options *options);

#endif
