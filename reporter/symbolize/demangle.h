/* SPDX-License-Identifier: MIT */
/*
 * Names as people write them: C++, Rust and D symbols demangled, versions cut off.
 */
#ifndef CWR_SYMBOLIZE_DEMANGLE_H
#define CWR_SYMBOLIZE_DEMANGLE_H

#include "model/model.h"

/* Returns a string of the model's. */
const char *cwr_demangle(struct cwr_model *model, const char *symbol);

#endif
