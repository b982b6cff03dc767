/* SPDX-License-Identifier: MIT */
/*
 * Which stacks run through a TLS library, and what they are doing there.
 */
#ifndef CWR_SYMBOLIZE_TLS_H
#define CWR_SYMBOLIZE_TLS_H

#include "model/model.h"

/*
 * Sets `tls`, `tls_call` and `tls_library` in the stacks of what was last done with each open
 * socket whose peer has closed.  A module is looked at once, a stack once, however many sockets
 * share it; modules that neither define nor import a function of a TLS library cost one pass over
 * their symbols.
 */
void cwr_symbolize_tls(struct cwr_model *model);

/* The same for one stack, for tests. */
void cwr_symbolize_tls_stack(struct cwr_model *model, struct cwr_stack *stack);

#endif
