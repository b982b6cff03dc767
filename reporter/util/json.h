/* SPDX-License-Identifier: MIT */
/*
 * Values of JSON documents, by jansson: what is not known is null, and what identifies something is
 * a string, so that no reader rounds it.
 *
 * Each function returns a new reference, or NULL when out of memory.
 */
#ifndef CWR_JSON_H
#define CWR_JSON_H

#include <jansson.h>
#include <stdint.h>

/* Paths and command lines need not be UTF-8: other bytes become '?'.  NULL becomes null. */
json_t *cwr_json_text(const char *value);

/* "0x1f" */
json_t *cwr_json_hexadecimal(uint64_t value);

/* RFC 3339 in UTC to the microsecond, of nanoseconds since the epoch; <= 0: unknown. */
json_t *cwr_json_instant(int64_t real_ns);

/* Below 0: unknown.  Seconds are rounded to milliseconds. */
json_t *cwr_json_known_integer(int64_t value);
json_t *cwr_json_known_seconds(double seconds);

#endif
