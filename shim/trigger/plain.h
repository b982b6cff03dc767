/* SPDX-License-Identifier: MIT */
/*
 * The report that needs no program: for where none can be started.
 */
#ifndef CW_TRIGGER_PLAIN_H
#define CW_TRIGGER_PLAIN_H

#include "track/session.h"

/*
 * Writes what the last probe found to standard error: sockets whose peer has closed, grouped by the
 * place that made them, with module+offset for lines and what history tells of the cause.  Returns
 * how many sockets that were.  Async-signal-safe.
 */
uint32_t cw_plain_report(struct cw_map *map);

#endif
