/* SPDX-License-Identifier: MIT */
/*
 * Text for people: ages in words, paragraphs broken into lines, colours of a terminal.
 */
#ifndef CWR_TEXT_H
#define CWR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum cwr_style {
	CWR_STYLE_PLAIN,
	CWR_STYLE_BOLD,
	CWR_STYLE_DIM,
	CWR_STYLE_BAD,
	CWR_STYLE_WARNING,
	CWR_STYLE_GOOD,
	CWR_STYLE_LABEL,
};

/* The sequences that switch a style on and off again; "" without colour. */
const char *cwr_style_on(enum cwr_style style, bool color);
const char *cwr_style_off(enum cwr_style style, bool color);

/* Prints, as by fprintf(), in a style. */
void cwr_text_print(FILE *out, bool color, enum cwr_style style, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Writes "12 s", "4 min", "2 h 11 min" or "3 d" (at most 32 bytes); "-" if seconds is negative,
 * which stands for unknown.  Returns text.
 */
const char *cwr_text_age(double seconds, char *text, size_t size);

/*
 * Prints prefix and then text, broken between words so that no line is longer than columns; all
 * lines but the first are indented by `indent`, which should be the width of prefix.  A word that
 * is too long stands on a line of its own.
 */
void cwr_text_wrap(FILE *out, const char *prefix, const char *text, int indent, int columns);

#endif
