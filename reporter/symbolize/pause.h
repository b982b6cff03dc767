/* SPDX-License-Identifier: MIT */
/*
 * Which sockets were taken out of their event loop by a function that pauses reading.
 */
#ifndef CWR_SYMBOLIZE_PAUSE_H
#define CWR_SYMBOLIZE_PAUSE_H

#include "model/model.h"

/* Sets `pause_call` in the stacks by which open sockets whose peer has closed were taken out. */
void cwr_symbolize_pauses(struct cwr_model *model);

/* The same for one stack, for tests. */
void cwr_symbolize_pause_stack(struct cwr_model *model, struct cwr_stack *stack);

#endif
