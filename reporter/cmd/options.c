/* SPDX-License-Identifier: MIT */
/*
 * The table of options; see options.h.
 */
#include "cmd/options.h"

#include "diagnose/diagnose.h"
#include "render/render.h"
#include "util/duration.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPORTING = CWR_FOR_REPORT | CWR_FOR_RUN,
	ALL = CWR_FOR_REPORT | CWR_FOR_RUN | CWR_FOR_LIST | CWR_FOR_CLEAN,
	FIRST_LONG = 256, /* values of getopt that are no characters */
};

struct option_row {
	const char *name;
	char letter;	      /* 0: none */
	const char *argument; /* how the help names it; NULL: takes none */
	int commands;	      /* bits of enum cwr_for */
	const char *help;     /* NULL: not for users */
	bool (*set)(struct cwr_options *options, const char *value); /* false: bad value */
};

static bool set_format(struct cwr_options *options, const char *value)
{
	options->format = value;
	if (cwr_format_find(value))
		return true;
	/* A program must not lose its report for a word in its environment. */
	if (options->from_shim) {
		fprintf(stderr, "cwshim: bad value '%s' for format, text is used\n", value);
		options->format = NULL;
	}
	return options->from_shim;
}

static bool set_list_format(struct cwr_options *options, const char *value)
{
	options->format = value;
	return !strcmp(value, "text") || !strcmp(value, "json");
}

static bool set_output(struct cwr_options *options, const char *value)
{
	options->output = value;
	return *value;
}

static bool set_min_age(struct cwr_options *options, const char *value)
{
	return cwr_duration_parse(value, &options->min_age_s);
}

static bool add_verdict(unsigned int *verdicts, const char *name, size_t length)
{
	for (int v = 0; v < CWR_VERDICTS; v++) {
		if (strlen(cwr_verdict_name(v)) != length ||
		    strncmp(name, cwr_verdict_name(v), length) != 0)
			continue;
		*verdicts |= 1u << v;
		return true;
	}
	return length == 4 && !strncmp(name, "none", length);
}

static bool set_fail_on(struct cwr_options *options, const char *value)
{
	options->fail_on = 0;
	for (;; value++) {
		size_t length = strcspn(value, ",");

		if (!add_verdict(&options->fail_on, value, length))
			return false;
		value += length;
		if (!*value)
			return true;
	}
}

static bool set_suppressions(struct cwr_options *options, const char *value)
{
	options->suppressions = value;
	return *value;
}

static bool set_error_exitcode(struct cwr_options *options, const char *value)
{
	char *end;
	long status = strtol(value, &end, 10);

	options->error_exitcode = (int)status;
	return *value >= '0' && *value <= '9' && !*end && status <= 255;
}

static bool set_cause(struct cwr_options *options, const char *value)
{
	options->cause = value;
	return cwr_cause_find(value) != NULL;
}

static bool set_session_dir(struct cwr_options *options, const char *value)
{
	options->session_dir = value;
	return *value;
}

static bool set_color(struct cwr_options *options, const char *value)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (int i = 0; i < 3; i++) {
		if (!strcmp(value, names[i])) {
			options->color = i;
			return true;
		}
	}
	return false;
}

static bool set_reason(struct cwr_options *options, const char *value)
{
	options->reason = value;
	return !strcmp(value, "exit") || !strcmp(value, "signal") || !strcmp(value, "threshold");
}

#define SET_FLAG(member)                                                         \
	static bool set_##member(struct cwr_options *options, const char *value) \
	{                                                                        \
		return options->member = true;                                   \
	}

SET_FLAG(all)
SET_FLAG(show_suppressed)
SET_FLAG(wait_all)
SET_FLAG(from_shim)
SET_FLAG(append)
SET_FLAG(wants_help)

/* clang-format off */
static const struct option_row rows[] = {
	{ "format", 0, "FORMAT", REPORTING, "how the report is written (default: text)", set_format },
	{ "format", 0, "FORMAT", CWR_FOR_LIST, "text (default) or json", set_list_format },
	{ "output", 'o', "FILE", REPORTING, "where the report is written", set_output },
	{ "all", 0, NULL, REPORTING, "show every socket and every frame", set_all },
	{ "min-age", 0, "TIME", REPORTING, "ignore a socket whose FIN is younger (default: 1s)", set_min_age },
	{ "fail-on", 0, "VERDICTS", REPORTING, "which fail: leak,stall (default), idle, in-use, none", set_fail_on },
	{ "error-exitcode", 0, "N", REPORTING, "exit status when findings fail", set_error_exitcode },
	{ "cause", 0, "ID", REPORTING, "only findings of this cause", set_cause },
	{ "suppressions", 0, "FILE", REPORTING, "findings to ignore", set_suppressions },
	{ "show-suppressed", 0, NULL, REPORTING, "print ignored findings too", set_show_suppressed },
	{ "color", 0, "WHEN", REPORTING, "auto (default), always or never", set_color },
	{ "wait-all", 0, NULL, CWR_FOR_RUN, "wait for all descendants of COMMAND", set_wait_all },
	{ "session-dir", 0, "DIR", ALL, "where sessions are kept", set_session_dir },
	{ "from-shim", 0, NULL, CWR_FOR_REPORT, NULL, set_from_shim },
	{ "append", 0, NULL, CWR_FOR_REPORT, NULL, set_append },
	{ "reason", 0, "REASON", CWR_FOR_REPORT, NULL, set_reason },
	{ "help", 'h', NULL, ALL, "print this help", set_wants_help },
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

/* Fills what getopt_long() wants; val is the row's index, from FIRST_LONG on. */
static void prepare(const struct cwr_command *command, struct option *longs, char *letters)
{
	*letters++ = command->stops_at_first_argument ? '+' : ':';
	if (command->stops_at_first_argument)
		*letters++ = ':';
	for (int i = 0; i < ROWS; i++) {
		if (!(rows[i].commands & command->id))
			continue;
		*longs++ = (struct option){rows[i].name,
					   rows[i].argument ? required_argument : no_argument, NULL,
					   FIRST_LONG + i};
		if (rows[i].letter)
			*letters++ = rows[i].letter;
		if (rows[i].letter && rows[i].argument)
			*letters++ = ':';
	}
}

static const struct option_row *find_row(const struct cwr_command *command, int value)
{
	if (value >= FIRST_LONG)
		return &rows[value - FIRST_LONG];
	for (int i = 0; i < ROWS; i++)
		if (rows[i].letter == value && rows[i].commands & command->id)
			return &rows[i];
	return NULL;
}

static struct cwr_error *complain(const struct cwr_command *command, int value, char *const *argv)
{
	return cwr_error_new(CWR_EXIT_USAGE, "%s '%s' (see `cwshim %s --help`)",
			     value == ':' ? "no value given for" : "unknown option",
			     argv[optind - 1], command->name);
}

static struct cwr_error *take(const struct cwr_command *command, int value,
			      struct cwr_options *options)
{
	const struct option_row *row = find_row(command, value);

	if (row->set(options, optarg))
		return NULL;
	return cwr_error_new(CWR_EXIT_USAGE, "bad value '%s' for --%s (see `cwshim %s --help`)",
			     optarg, row->name, command->name);
}

struct cwr_error *cwr_options_parse(const struct cwr_command *command, int argc, char **argv,
				    struct cwr_options *ret_options)
{
	struct option longs[ROWS + 1] = {0};
	char letters[2 * ROWS + 3] = "";
	struct cwr_error *error = NULL;
	int value;

	*ret_options = (struct cwr_options){
		.min_age_s = 1,
		.fail_on = 1u << CWR_LEAK | 1u << CWR_STALL,
		.error_exitcode = -1,
	};
	prepare(command, longs, letters);
	opterr = 0;
	optind = 0; /* starts afresh, getopt(3) */
	while (!error && (value = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		error = value == '?' || value == ':' ? complain(command, value, argv)
						     : take(command, value, ret_options);
	ret_options->nargs = argc - optind;
	ret_options->args = argv + optind;
	return error;
}

void cwr_options_help(const struct cwr_command *command)
{
	printf("usage: cwshim %s [options]%s%s\n\n%s\n\n", command->name, *command->args ? " " : "",
	       command->args, command->help);
	for (int i = 0; i < ROWS; i++) {
		char left[64];

		if (!(rows[i].commands & command->id) || !rows[i].help)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].argument ? "=" : "",
			 rows[i].argument ? rows[i].argument : "");
		printf("  %c%c %-24s %s\n", rows[i].letter ? '-' : ' ',
		       rows[i].letter ? rows[i].letter : ' ', left, rows[i].help);
	}
}
