/* SPDX-License-Identifier: MIT */
/*
 * Asking for a report: from a reporter started for it, or from the `cwshim run` that waits for us.
 */
#ifndef CW_TRIGGER_REPORT_H
#define CW_TRIGGER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "cwshim/session.h"

/*
 * The process is about to end: takes the state now.  If sockets were found whose peer has closed,
 * asks for a report and waits until the kernel's facts are captured.  Returns the number of
 * findings that fail, 0 if none.  Async-signal-safe.
 */
uint32_t cw_report_begin_exit(void);

/* Nothing more will happen here: lets the report be written, and waits for it. */
void cw_report_finish_exit(void);

/* Takes the state and asks for a report, without waiting for it.  Async-signal-safe. */
void cw_report_now(enum cw_reason reason);

/* Was anything found at exit?  Then the session is worth keeping. */
bool cw_report_has_found(void);

#endif
