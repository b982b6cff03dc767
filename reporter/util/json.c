/* SPDX-License-Identifier: MIT */
/*
 * Values of JSON documents; see json.h.
 */
#include "util/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

json_t *cwr_json_text(const char *value)
{
	json_t *json;
	char *copy;

	if (!value)
		return json_null();
	json = json_string(value);
	copy = json ? NULL : strdup(value);
	if (!copy)
		return json;
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

json_t *cwr_json_hexadecimal(uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "0x%" PRIx64, value);
	return json_string(digits);
}

json_t *cwr_json_instant(int64_t real_ns)
{
	char date[32], full[48];
	time_t seconds = (time_t)(real_ns / 1000000000);
	struct tm tm;

	if (real_ns <= 0 || !gmtime_r(&seconds, &tm))
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(full, sizeof(full), "%s.%06dZ", date, (int)(real_ns % 1000000000 / 1000));
	return json_string(full);
}

json_t *cwr_json_known_integer(int64_t value)
{
	return value < 0 ? json_null() : json_integer(value);
}

/* To the millisecond: more digits would promise more than is known. */
json_t *cwr_json_known_seconds(double seconds)
{
	return seconds >= 0 ? json_real((double)(int64_t)(seconds * 1000 + 0.5) / 1000)
			    : json_null();
}
