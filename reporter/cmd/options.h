/* SPDX-License-Identifier: MIT */
/*
 * The options of the subcommands: for each an argp, from which come the parsing and the help; what
 * several take is one argp that theirs include.
 */
#ifndef CWR_CMD_OPTIONS_H
#define CWR_CMD_OPTIONS_H

#include "util/error.h"

#include <argp.h>
#include <stdbool.h>

enum cwr_color { CWR_COLOR_AUTO, CWR_COLOR_ALWAYS, CWR_COLOR_NEVER };

struct cwr_options {
	const char *format; /* NULL: the subcommand's default */
	const char *output; /* NULL: the subcommand's default */
	const char *suppressions;
	const char *session_dir;
	const char *cause;
	double min_age_s;
	double in_use_s;
	double late_s;
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
	const struct argp *argp; /* its doc is one line */
	bool stops_at_first_argument;
	struct cwr_error *(*run)(const struct cwr_options *options, int *ret_status);
};

extern const struct argp cwr_argp_run, cwr_argp_report, cwr_argp_list, cwr_argp_clean,
	cwr_argp_doctor;

/* argv[0] is the subcommand's name.  The strings stay argv's. */
struct cwr_error *cwr_options_parse(const struct cwr_command *command, int argc, char **argv,
				    struct cwr_options *ret_options);

/* Prints the subcommand's help. */
void cwr_options_help(const struct cwr_command *command);

#endif
