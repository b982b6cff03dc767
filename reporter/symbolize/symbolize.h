/* SPDX-License-Identifier: MIT */
/*
 * Symbolize: from the addresses of a stack to functions, files and lines.  The rest of the reporter
 * knows this interface only; libdw is known in this directory alone.
 *
 * Nothing here fails for want of debug information: a frame that has none keeps what is known,
 * the function from the symbol table, or else the module and the offset.  A file that is no longer
 * the one that was loaded (its build-id differs) is never asked; a limit of the process says so.
 * Nothing goes to the network.  One thread.
 */
#ifndef CWR_SYMBOLIZE_H
#define CWR_SYMBOLIZE_H

#include "model/model.h"

struct cwr_error;
struct cwr_symbolizer;

/*
 * Opened modules and answers are kept until cwr_symbolizer_free(); the frames that were filled in
 * are the model's.  debug_path: where separate debug files are, in the form of dwfl_standard_argp's
 * --debuginfo-path (elements separated by colons); NULL: ":.debug:/usr/lib/debug".
 */
struct cwr_symbolizer *cwr_symbolizer_new(struct cwr_model *model, const char *debug_path);
void cwr_symbolizer_free(struct cwr_symbolizer *symbolizer);

/* Fills the frames of a stack of the symbolizer's model; does nothing if they are there already. */
void cwr_symbolize_stack(struct cwr_symbolizer *symbolizer, struct cwr_stack *stack);

/* Fills the frames of all stacks in the evidence of the model's findings.  Returns NULL, always: a
 * stack that cannot be understood stays as it is. */
struct cwr_error *cwr_symbolize_findings(struct cwr_model *model);

#endif
