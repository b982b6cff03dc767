/* SPDX-License-Identifier: MIT */
/*
 * Durations as users write them: "500ms", "1s", "2m", "1h", or a plain number of seconds.
 */
#ifndef CWR_DURATION_H
#define CWR_DURATION_H

#include <stdbool.h>

/*
 * Reads text into *ret_seconds.  Fractions are allowed ("0.5s"), signs, spaces and anything after
 * the unit are not.  Returns false, and leaves *ret_seconds alone, if text is no duration.
 */
bool cwr_duration_parse(const char *text, double *ret_seconds);

#endif
