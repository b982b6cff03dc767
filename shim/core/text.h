/* SPDX-License-Identifier: MIT */
/*
 * Text without stdio: appending to a fixed buffer, and one-line messages.  Async-signal-safe.
 */
#ifndef CW_CORE_TEXT_H
#define CW_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A NUL-terminated string being built; what does not fit is cut and remembered in is_cut. */
struct cw_text {
	char *data;
	size_t size; /* of data, bytes, at least 1 */
	size_t len;
	bool is_cut;
};

#define CW_TEXT(buffer) ((struct cw_text){.data = (buffer), .size = sizeof(buffer)})

void cw_text_add(struct cw_text *text, const char *more);
void cw_text_add_n(struct cw_text *text, const char *more, size_t n);
void cw_text_add_dec(struct cw_text *text, int64_t value);
void cw_text_add_hex(struct cw_text *text, uint64_t value); /* lower case, no prefix */

/* Is this descriptor a network connection?  Servers run from inetd have one as standard error. */
bool cw_is_connection(int fd);

/*
 * Writes "cwshim: " and the parts (a NULL ends them) and a newline to standard error, in one write.
 * Nothing is written where that is a client's connection, or in a sandbox.
 */
void cw_message(const char *part, ...) __attribute__((sentinel));

/* Parses a whole decimal number without sign.  False if it is none, or above max. */
bool cw_parse_uint(const char *text, uint64_t max, uint64_t *ret_value);

/* Parses a decimal number at the start of text; *ret_end is the first byte after it. */
uint64_t cw_scan_uint(const char *text, const char **ret_end);

bool cw_streq(const char *a, const char *b);
size_t cw_strlen(const char *text);

/* Reads a small file, at most size - 1 bytes, and ends it with a NUL.  Bytes read, or -errno. */
long cw_read_file(const char *path, char *buffer, size_t size);

#endif
