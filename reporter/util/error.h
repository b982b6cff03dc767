/* SPDX-License-Identifier: MIT */
/*
 * Errors as values.  A function that can fail returns a struct cwr_error * (NULL: all is well),
 * made where the failure happens, with the path and offset that the user needs.  It is handed up
 * unchanged and printed once, by main, as "cwshim: MESSAGE".
 */
#ifndef CWR_ERROR_H
#define CWR_ERROR_H

/* The exit statuses of the command. */
enum cwr_exit {
	CWR_EXIT_OK = 0,
	CWR_EXIT_FINDINGS = 1, /* findings whose verdict fails the check */
	CWR_EXIT_USAGE = 2,
	CWR_EXIT_INPUT = 3, /* something that cannot be read or written */
};

struct cwr_error {
	enum cwr_exit status;
	char message[]; /* one line, without a newline */
};

/* Returns a new error; never NULL (out of memory gives a constant one that says so). */
struct cwr_error *cwr_error_new(enum cwr_exit status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* NULL is fine. */
void cwr_error_free(struct cwr_error *error);

#endif
