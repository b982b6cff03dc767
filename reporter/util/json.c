/* SPDX-License-Identifier: MIT */
/*
 * JSON documents; see json.h.  Numbers are spelled without printf(), which would take longer than
 * all else: a report may have millions of them.
 */
#include "util/json.h"

#include <string.h>
#include <time.h>

/* ---- the buffer ---- */

static void flush(struct cwr_json *json)
{
	if (json->used && fwrite(json->buffer, 1, json->used, json->file) != json->used)
		json->has_failed = true;
	json->used = 0;
}

static void put(struct cwr_json *json, const char *text, size_t length)
{
	while (length) {
		size_t room = sizeof(json->buffer) - json->used;
		size_t n = length < room ? length : room;

		memcpy(json->buffer + json->used, text, n);
		json->used += n;
		text += n;
		length -= n;
		if (json->used == sizeof(json->buffer))
			flush(json);
	}
}

static void put_char(struct cwr_json *json, char c)
{
	put(json, &c, 1);
}

static void put_line(struct cwr_json *json)
{
	static const char line[] = "\n                                ";
	size_t indent = 2 * (size_t)json->depth, most = sizeof(line) - 2;

	put(json, line, 1 + (indent < most ? indent : most));
	for (; indent > most; indent--)
		put_char(json, ' ');
}

/* Digits are made from the last one; returns where they begin. */
static inline char *spell(char *end, uint64_t value, unsigned int base)
{
	do {
		*--end = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	return end;
}

static inline void put_number(struct cwr_json *json, uint64_t value, unsigned int base)
{
	char digits[24], *end = digits + sizeof(digits), *start = spell(end, value, base);

	put(json, start, (size_t)(end - start));
}

/* ---- what is around a value ---- */

static void begin(struct cwr_json *json, const char *name)
{
	if (!json->is_empty)
		put_char(json, ',');
	json->is_empty = false;
	if (json->depth)
		put_line(json);
	if (!name)
		return;
	put_char(json, '"');
	put(json, name, strlen(name));
	put(json, "\": ", 3);
}

static void open_with(struct cwr_json *json, const char *name, char bracket)
{
	begin(json, name);
	put_char(json, bracket);
	json->depth++;
	json->is_empty = true;
}

static void close_with(struct cwr_json *json, char bracket)
{
	json->depth--;
	if (!json->is_empty)
		put_line(json);
	json->is_empty = false;
	put_char(json, bracket);
}

void cwr_json_start(struct cwr_json *json, FILE *file)
{
	json->file = file;
	json->used = 0;
	json->depth = 0;
	json->is_empty = true;
	json->has_failed = false;
	json->second = -1;
}

bool cwr_json_finish(struct cwr_json *json)
{
	put_char(json, '\n');
	flush(json);
	return !json->has_failed;
}

void cwr_json_open_object(struct cwr_json *json, const char *name)
{
	open_with(json, name, '{');
}

void cwr_json_close_object(struct cwr_json *json)
{
	close_with(json, '}');
}

void cwr_json_open_array(struct cwr_json *json, const char *name)
{
	open_with(json, name, '[');
}

void cwr_json_close_array(struct cwr_json *json)
{
	close_with(json, ']');
}

/* ---- texts ---- */

/* How many bytes the character takes that begins here; 0: that is none (RFC 3629, 4). */
static size_t character_length(const unsigned char *c)
{
	size_t n = *c < 0x80   ? 1
		   : *c < 0xc2 ? 0
		   : *c < 0xe0 ? 2
		   : *c < 0xf0 ? 3
		   : *c < 0xf5 ? 4
			       : 0;

	for (size_t i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
	    (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return n;
}

static bool is_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	while (*c) {
		size_t n = character_length(c);

		if (!n)
			return false;
		c += n;
	}
	return true;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* One that RFC 8259, 7, wants escaped, or that is not ASCII. */
static void put_special(struct cwr_json *json, char c, bool is_valid)
{
	static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *letter = letters; *letter; letter += 2)
		if (*letter == c) {
			put_char(json, '\\');
			put_char(json, letter[1]);
			return;
		}
	if ((unsigned char)c >= 0x80) {
		put_char(json, is_valid ? c : '?');
		return;
	}
	put(json, c < 0x10 ? "\\u000" : "\\u00", c < 0x10 ? 5 : 4);
	put_number(json, (uint64_t)c, 16);
}

void cwr_json_text(struct cwr_json *json, const char *name, const char *value)
{
	bool is_valid = value && is_utf8(value);

	if (!value) {
		cwr_json_null(json, name);
		return;
	}
	begin(json, name);
	put_char(json, '"');
	while (*value) {
		size_t n = 0;

		while (is_plain(value[n]))
			n++;
		put(json, value, n);
		value += n;
		if (*value)
			put_special(json, *value++, is_valid);
	}
	put_char(json, '"');
}

void cwr_json_hexadecimal(struct cwr_json *json, const char *name, uint64_t value)
{
	begin(json, name);
	put(json, "\"0x", 3);
	put_number(json, value, 16);
	put_char(json, '"');
}

static void put_padded(struct cwr_json *json, uint64_t value, size_t width)
{
	char digits[24], *end = digits + sizeof(digits), *start;

	memset(digits, '0', sizeof(digits));
	start = spell(end, value, 10);
	if ((size_t)(end - start) < width)
		start = end - width;
	put(json, start, (size_t)(end - start));
}

static bool set_second(struct cwr_json *json, int64_t second)
{
	const time_t seconds = (time_t)second;
	struct tm tm;

	if (json->second == second)
		return true;
	if (!gmtime_r(&seconds, &tm))
		return false;
	strftime(json->date, sizeof(json->date), "%Y-%m-%dT%H:%M:%S", &tm);
	json->second = second;
	return true;
}

void cwr_json_instant(struct cwr_json *json, const char *name, int64_t real_ns)
{
	if (real_ns <= 0 || !set_second(json, real_ns / 1000000000)) {
		cwr_json_null(json, name);
		return;
	}
	begin(json, name);
	put_char(json, '"');
	put(json, json->date, strlen(json->date));
	put_char(json, '.');
	put_padded(json, (uint64_t)(real_ns % 1000000000 / 1000), 6);
	put(json, "Z\"", 2);
}

/* ---- other values ---- */

static void put_word(struct cwr_json *json, const char *name, const char *word)
{
	begin(json, name);
	put(json, word, strlen(word));
}

void cwr_json_null(struct cwr_json *json, const char *name)
{
	put_word(json, name, "null");
}

void cwr_json_bool(struct cwr_json *json, const char *name, bool value)
{
	put_word(json, name, value ? "true" : "false");
}

void cwr_json_integer(struct cwr_json *json, const char *name, int64_t value)
{
	begin(json, name);
	if (value < 0)
		put_char(json, '-');
	put_number(json, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

void cwr_json_known_integer(struct cwr_json *json, const char *name, int64_t value)
{
	if (value < 0)
		cwr_json_null(json, name);
	else
		cwr_json_integer(json, name, value);
}

/* With a fraction always, which tells readers that it is no integer. */
void cwr_json_known_seconds(struct cwr_json *json, const char *name, double seconds)
{
	uint64_t ms;
	size_t width = 3;

	if (!(seconds >= 0)) {
		cwr_json_null(json, name);
		return;
	}
	ms = (uint64_t)(seconds * 1000 + 0.5);
	begin(json, name);
	put_number(json, ms / 1000, 10);
	put_char(json, '.');
	for (ms %= 1000; width > 1 && ms % 10 == 0; ms /= 10)
		width--;
	put_padded(json, ms, width);
}
