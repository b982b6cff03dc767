/* SPDX-License-Identifier: MIT */
/*
 * What the names of recorded calls mean.
 */
#ifndef CWR_CALLS_H
#define CWR_CALLS_H

#include <stdbool.h>

/* Does the call of that name ("sendmsg", "__write") put data into a socket?  NULL: it does not. */
bool cwr_call_sends(const char *op);

#endif
