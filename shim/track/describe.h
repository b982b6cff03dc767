/* SPDX-License-Identifier: MIT */
/*
 * Who the process of a session is.
 */
#ifndef CW_TRACK_DESCRIBE_H
#define CW_TRACK_DESCRIBE_H

#include "cwshim/session.h"

/* Fills in numbers, program, arguments, start and options.  System calls; async-signal-safe. */
void cw_describe_process(struct cw_session_header *header);

#endif
