/* SPDX-License-Identifier: MIT */
/*
 * Which sessions a report is made from.
 */
#ifndef CWR_CMD_SOURCES_H
#define CWR_CMD_SOURCES_H

#include "cmd/options.h"
#include "kernel/kernel.h"
#include "model/model.h"
#include "session/dir.h"

/* Lists the sessions of the directory that the options name, after checking it. */
struct cwr_error *cwr_sources_list(const struct cwr_options *options,
				   struct cwr_session_list *ret_list);

/*
 * Loads every session.  Those that cannot be read are said on stderr, a line each, and counted;
 * the rest is loaded.
 */
void cwr_sources_load_all(struct cwr_model *model, const struct cwr_session_list *list,
			  unsigned int *ret_unreadable);

/* Loads the session at path, which must be readable, and those of its relatives beside it. */
struct cwr_error *cwr_sources_load_path(struct cwr_model *model, const char *path);

/*
 * Loads the sessions of a process and of its relatives, from the listed ones.  kernel: where the
 * process is looked for by the sockets that it holds, if nothing else tells of it.
 */
struct cwr_error *cwr_sources_load_pid(struct cwr_model *model, const struct cwr_session_list *list,
				       const struct cwr_kernel_list *kernel, pid_t pid,
				       const char *dir);

#endif
