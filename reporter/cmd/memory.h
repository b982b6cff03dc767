/* SPDX-License-Identifier: MIT */
/*
 * Sessions in the memory of living processes, for the reporting commands.
 */
#ifndef CWR_CMD_MEMORY_H
#define CWR_CMD_MEMORY_H

#include "model/model.h"

/* Loads those of all processes that may be looked at. */
void cwr_memory_load_all(struct cwr_model *model);

/*
 * Loads that of the process, and those of its relatives and of the relatives of what is in the
 * model.  True if it has one itself.
 */
bool cwr_memory_load_pid(struct cwr_model *model, pid_t pid);

#endif
