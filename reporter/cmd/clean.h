/* SPDX-License-Identifier: MIT */
/*
 * Removing sessions that nobody writes any more.
 */
#ifndef CWR_CMD_CLEAN_H
#define CWR_CMD_CLEAN_H

#include "cwshim/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The process that writes this session, by its number in /proc; 0: it is no longer there, or has
 * executed another image.
 */
pid_t cwr_session_writer(const struct cw_session_header *header);
bool cwr_session_is_in_use(const struct cw_session_header *header);

/*
 * Removes the sessions of ended processes in a directory and in those of `cwshim run` below it;
 * leaves what is no session.  Returns how many were removed.
 */
size_t cwr_clean_sessions(const char *dir);

#endif
