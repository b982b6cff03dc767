/* SPDX-License-Identifier: MIT */
/*
 * Durations; see duration.h.  Written without strtod(), which also reads hexadecimal, infinities
 * and the decimal comma of a locale.
 */
#include "util/duration.h"

#include <stddef.h>
#include <string.h>

static const struct unit {
	const char *suffix;
	double seconds;
} units[] = {
	{"", 1}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits[.digits]; returns the first character after it, or NULL if there is no number. */
static const char *parse_number(const char *text, double *ret_value)
{
	double value = 0, place = 1;

	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++)
		value = value * 10 + (*text - '0');
	if (*text == '.') {
		if (!is_digit(*++text))
			return NULL;
		for (; is_digit(*text); text++)
			value += (*text - '0') * (place /= 10);
	}
	*ret_value = value;
	return text;
}

bool cwr_duration_parse(const char *text, double *ret_seconds)
{
	double value;
	const char *suffix = parse_number(text, &value);

	if (!suffix)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(suffix, units[i].suffix)) {
			*ret_seconds = value * units[i].seconds;
			return true;
		}
	}
	return false;
}
