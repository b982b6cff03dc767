/* SPDX-License-Identifier: MIT */
/*
 * Diagnosis: which sockets are leaked, why, and who must change.  It reads the model and adds
 * findings to it; it opens no file, asks no kernel and prints nothing.
 */
#ifndef CWR_DIAGNOSE_H
#define CWR_DIAGNOSE_H

#include "model/model.h"

struct cwr_cause;

/*
 * Adds the findings, worst first, and the summary.  Sockets of one cause, one program and the same
 * stacks make one finding.  Obeys policy.min_age_s, in_use_s and only_cause.
 */
void cwr_diagnose(struct cwr_model *model);

/*
 * To be called when the findings' stacks have been symbolized: puts those together that
 * are of the same source lines, applies the suppressions, and sets explanation and advice.
 */
void cwr_diagnose_advise(struct cwr_model *model);

/* The row of that cause, or NULL if no cause of that name is ever decided. */
const struct cwr_cause *cwr_cause_find(const char *id);

#endif
