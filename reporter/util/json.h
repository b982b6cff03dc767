/* SPDX-License-Identifier: MIT */
/*
 * Writes a JSON document while it is made, indented by two spaces: however large it becomes, it
 * takes one buffer.  What is not known is null, and what identifies something is a string, so that
 * no reader rounds it.
 *
 * Each function that writes a value takes the name that it has in the object around it, which must
 * need no escapes, or NULL in an array.  Nothing is returned: that the file does not take what it
 * is given is noticed once, at the end.
 */
#ifndef CWR_JSON_H
#define CWR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CWR_JSON_BUFFER = 64 * 1024 };

struct cwr_json {
	FILE *file;
	size_t used; /* of the buffer */
	unsigned int depth;
	bool is_empty; /* what was opened last has nothing in it yet */
	bool has_failed;
	int64_t second; /* that `date` spells; most instants follow one another closely */
	char date[32];
	char buffer[CWR_JSON_BUFFER];
};

/* The file stays the caller's. */
void cwr_json_start(struct cwr_json *json, FILE *file);

/* Ends the document with a newline.  Returns false if the file did not take all of it. */
bool cwr_json_finish(struct cwr_json *json);

/* What is written between the two is in the object or array. */
void cwr_json_open_object(struct cwr_json *json, const char *name);
void cwr_json_close_object(struct cwr_json *json);
void cwr_json_open_array(struct cwr_json *json, const char *name);
void cwr_json_close_array(struct cwr_json *json);

void cwr_json_null(struct cwr_json *json, const char *name);
void cwr_json_bool(struct cwr_json *json, const char *name, bool value);
void cwr_json_integer(struct cwr_json *json, const char *name, int64_t value);

/* Paths and command lines need not be UTF-8: then bytes beyond ASCII become '?'.  NULL becomes
 * null.
 */
void cwr_json_text(struct cwr_json *json, const char *name, const char *value);

/* "0x1f" */
void cwr_json_hexadecimal(struct cwr_json *json, const char *name, uint64_t value);

/* RFC 3339 in UTC to the microsecond, of nanoseconds since the epoch; <= 0: unknown. */
void cwr_json_instant(struct cwr_json *json, const char *name, int64_t real_ns);

/* Below 0: unknown.  Seconds are rounded to milliseconds: more would promise more than is known. */
void cwr_json_known_integer(struct cwr_json *json, const char *name, int64_t value);
void cwr_json_known_seconds(struct cwr_json *json, const char *name, double seconds);

#endif
