/* SPDX-License-Identifier: MIT */
/*
 * Many sockets, one finding: judged cases are put together by cause, program and stacks.
 */
#ifndef CWR_GROUP_H
#define CWR_GROUP_H

#include "diagnose/cause.h"

/* Adds the findings of those cases to the model, worst first.  Reorders the array. */
void cwr_group_cases(struct cwr_model *model, struct cwr_case **cases, size_t n);

/* Counts the model's findings into its summary. */
void cwr_group_summarize(struct cwr_model *model);

#endif
