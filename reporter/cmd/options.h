/* SPDX-License-Identifier: MIT */
/*
 * The options of all subcommands: one table, from which come the parsing and the help.
 */
#ifndef CWR_CMD_OPTIONS_H
#define CWR_CMD_OPTIONS_H

#include "util/error.h"

#include <stdbool.h>

/* Which subcommands take an option. */
enum cwr_for {
	CWR_FOR_REPORT = 1 << 0,
	CWR_FOR_RUN = 1 << 1,
	CWR_FOR_LIST = 1 << 2,
	CWR_FOR_CLEAN = 1 << 3,
};

enum cwr_color { CWR_COLOR_AUTO, CWR_COLOR_ALWAYS, CWR_COLOR_NEVER };

struct cwr_options {
	const char *format; /* NULL: the subcommand's default */
	const char *output; /* NULL: the subcommand's default */
	const char *suppressions;
	const char *session_dir;
	const char *cause;
	double min_age_s;
	unsigned int fail_on; /* bits 1 << enum cwr_verdict */
	int error_exitcode;   /* -1: not given */
	enum cwr_color color;
	bool all, show_suppressed, wait_all;
	bool wants_help;
	/* What the shim says when it starts `cwshim report`. */
	bool from_shim, append;
	const char *reason;
	/* What is left over. */
	int nargs;
	char **args;
};

struct cwr_command {
	const char *name;
	enum cwr_for id;
	const char *args; /* for the usage line */
	const char *help; /* one line */
	bool stops_at_first_argument;
	struct cwr_error *(*run)(const struct cwr_options *options, int *ret_status);
};

/* argv[0] is the subcommand's name.  The strings stay argv's. */
struct cwr_error *cwr_options_parse(const struct cwr_command *command, int argc, char **argv,
				    struct cwr_options *ret_options);

/* Prints the subcommand's help. */
void cwr_options_help(const struct cwr_command *command);

#endif
