/* SPDX-License-Identifier: MIT */
/*
 * Text for people; see text.h.
 */
#include "util/text.h"

#include <stdarg.h>
#include <string.h>

/* SGR parameters, ECMA-48 8.3.117. */
static const char *const styles[] = {
	[CWR_STYLE_PLAIN] = "",		  [CWR_STYLE_BOLD] = "\033[1m",
	[CWR_STYLE_DIM] = "\033[2m",	  [CWR_STYLE_BAD] = "\033[1;31m",
	[CWR_STYLE_WARNING] = "\033[33m", [CWR_STYLE_GOOD] = "\033[32m",
	[CWR_STYLE_LABEL] = "\033[36m",
};

const char *cwr_style_on(enum cwr_style style, bool color)
{
	return color ? styles[style] : "";
}

const char *cwr_style_off(enum cwr_style style, bool color)
{
	return color && style != CWR_STYLE_PLAIN ? "\033[0m" : "";
}

void cwr_text_print(FILE *out, bool color, enum cwr_style style, const char *format, ...)
{
	va_list args;

	fputs(cwr_style_on(style, color), out);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputs(cwr_style_off(style, color), out);
}

const char *cwr_text_age(double seconds, char *text, size_t size)
{
	unsigned long long s = seconds > 0 ? (unsigned long long)seconds : 0;

	if (!(seconds >= 0))
		snprintf(text, size, "-");
	else if (s < 120)
		snprintf(text, size, "%llu s", s);
	else if (s < 3600)
		snprintf(text, size, "%llu min", s / 60);
	else if (s < 48 * 3600ull && s / 60 % 60)
		snprintf(text, size, "%llu h %llu min", s / 3600, s / 60 % 60);
	else if (s < 48 * 3600ull)
		snprintf(text, size, "%llu h", s / 3600);
	else
		snprintf(text, size, "%llu d", s / 86400);
	return text;
}

void cwr_text_wrap(FILE *out, const char *prefix, const char *text, int indent, int columns)
{
	int column = indent;
	bool is_first = true;

	fputs(prefix, out);
	while (*text) {
		int length = (int)strcspn(text, " ");

		if (!is_first && column + 1 + length > columns) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (!is_first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", length, text);
		column += length;
		text += length;
		text += strspn(text, " ");
		is_first = false;
	}
	fputc('\n', out);
}
