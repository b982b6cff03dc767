/* SPDX-License-Identifier: MIT */
/*
 * The end of the process.
 */
#ifndef CW_TRIGGER_EXIT_H
#define CW_TRIGGER_EXIT_H

#include <stdbool.h>

#include "cwshim/session.h"

/*
 * The process enters its end: the state is taken, once, before handlers and destructors run. Called
 * again, it only learns how the process ends after all.  Returns the status to end with: the given
 * one, or the option exitcode if findings fail.  Async-signal-safe.
 */
int cw_exit_begin(enum cw_end how, int status);

/*
 * The same for a deadly signal that the program never had a handler for: it had no occasion to wind
 * up what it was doing.  Async-signal-safe.
 */
void cw_exit_begin_suddenly(int number);

bool cw_exit_has_begun(void);

/* The last moment: the report is written, the session is ended or removed.  Once. */
void cw_exit_end(void);

#endif
