/* SPDX-License-Identifier: MIT */
/*
 * The reporter as the shim starts it: `cwshim report --from-shim`.
 */
#ifndef CWR_CMD_FROM_SHIM_H
#define CWR_CMD_FROM_SHIM_H

#include "cmd/options.h"

/* One argument: the session.  Prints nothing unless there is a finding worth it. */
struct cwr_error *cwr_report_from_shim(const struct cwr_options *options, int *ret_status);

#endif
