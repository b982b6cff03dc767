/* SPDX-License-Identifier: MIT */
/*
 * Many sockets, one finding: judged cases are put together by cause, program and stacks, first by
 * addresses and, when these have been symbolized, by source lines.
 */
#ifndef CWR_GROUP_H
#define CWR_GROUP_H

#include "diagnose/cause.h"

/* Adds the findings of those cases to the model, worst first.  Reorders the array. */
void cwr_group_cases(struct cwr_model *model, struct cwr_case **cases, size_t n);

/*
 * Puts findings together whose stacks are different addresses of the same source lines, as in a
 * loop that the compiler unrolled, and makes the fingerprints from the lines.  To be called when
 * the stacks have been symbolized.
 */
void cwr_group_merge(struct cwr_model *model);

/* Puts a finding into the model's list where it belongs. */
void cwr_group_insert(struct cwr_model *model, struct cwr_finding *finding);

/* Sums the statistics of all places and processes in which the finding's sockets were created. */
void cwr_group_sum_site(struct cwr_model *model, struct cwr_finding *finding);

/* Adds a finding about a process; what is given is copied. */
void cwr_group_add(struct cwr_model *model, const struct cwr_cause *cause,
		   const struct cwr_finding *finding);

/* Counts the model's findings into its summary. */
void cwr_group_summarize(struct cwr_model *model);

#endif
