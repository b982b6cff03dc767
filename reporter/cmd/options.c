/* SPDX-License-Identifier: MIT */
/*
 * The tables of options; see options.h.
 *
 * argp's own complaints are several lines and end the program: it is kept silent, and what its
 * getopt refuses is looked up again in the tables to say what is wrong with which word.
 */
#include "cmd/options.h"

#include "diagnose/diagnose.h"
#include "render/render.h"
#include "util/duration.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool set_late(struct cwr_options *options, const char *value)
{
	return cwr_duration_parse(value, &options->late_s);
}

static bool set_in_use(struct cwr_options *options, const char *value)
{
	return cwr_duration_parse(value, &options->in_use_s);
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

enum {
	KEY_OUTPUT = 'o',
	KEY_HELP = 'h',
	KEY_FORMAT = 256, /* from here on: no letter */
	KEY_LIST_FORMAT,
	KEY_ALL,
	KEY_MIN_AGE,
	KEY_IN_USE,
	KEY_LATE,
	KEY_FAIL_ON,
	KEY_ERROR_EXITCODE,
	KEY_CAUSE,
	KEY_SUPPRESSIONS,
	KEY_SHOW_SUPPRESSED,
	KEY_COLOR,
	KEY_WAIT_ALL,
	KEY_SESSION_DIR,
	KEY_FROM_SHIM,
	KEY_APPEND,
	KEY_REASON,
	KEYS,
};

/* Each returns false for a bad value. */
static bool (*const setters[KEYS])(struct cwr_options *options, const char *value) = {
	[KEY_OUTPUT] = set_output,
	[KEY_HELP] = set_wants_help,
	[KEY_FORMAT] = set_format,
	[KEY_LIST_FORMAT] = set_list_format,
	[KEY_ALL] = set_all,
	[KEY_MIN_AGE] = set_min_age,
	[KEY_IN_USE] = set_in_use,
	[KEY_LATE] = set_late,
	[KEY_FAIL_ON] = set_fail_on,
	[KEY_ERROR_EXITCODE] = set_error_exitcode,
	[KEY_CAUSE] = set_cause,
	[KEY_SUPPRESSIONS] = set_suppressions,
	[KEY_SHOW_SUPPRESSED] = set_show_suppressed,
	[KEY_COLOR] = set_color,
	[KEY_WAIT_ALL] = set_wait_all,
	[KEY_SESSION_DIR] = set_session_dir,
	[KEY_FROM_SHIM] = set_from_shim,
	[KEY_APPEND] = set_append,
	[KEY_REASON] = set_reason,
};

/* clang-format off */
static const struct argp_option common_options[] = {
	{ "session-dir", KEY_SESSION_DIR, "DIR", 0, "where sessions are kept", 0 },
	{ "help", KEY_HELP, NULL, 0, "print this help", -1 },
	{ 0 },
};

static const struct argp_option reporting_options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0, "how the report is written (default: text)", 0 },
	{ "output", KEY_OUTPUT, "FILE", 0, "where the report is written", 0 },
	{ "all", KEY_ALL, NULL, 0, "show every socket and every frame", 0 },
	{ "min-age", KEY_MIN_AGE, "TIME", 0, "ignore a socket whose FIN is younger (default: 1s)", 0 },
	{ "in-use", KEY_IN_USE, "TIME", 0, "half-open counts as used so long after data (default: 10s)", 0 },
	{ "late", KEY_LATE, "TIME", 0, "closed-late: how long after its end-of-file a close is late (default: the option late)", 0 },
	{ "fail-on", KEY_FAIL_ON, "VERDICTS", 0, "which fail: leak,stall (default), idle, in-use, none", 0 },
	{ "error-exitcode", KEY_ERROR_EXITCODE, "N", 0, "exit status when findings fail", 0 },
	{ "cause", KEY_CAUSE, "ID", 0, "only findings of this cause", 0 },
	{ "suppressions", KEY_SUPPRESSIONS, "FILE", 0, "findings to ignore", 0 },
	{ "show-suppressed", KEY_SHOW_SUPPRESSED, NULL, 0, "print ignored findings too", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default), always or never", 0 },
	{ 0 },
};

static const struct argp_option run_options[] = {
	{ "wait-all", KEY_WAIT_ALL, NULL, 0, "wait for all descendants of COMMAND", 0 },
	{ 0 },
};

/* What the shim says when it starts `cwshim report`. */
static const struct argp_option report_options[] = {
	{ "from-shim", KEY_FROM_SHIM, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "append", KEY_APPEND, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "reason", KEY_REASON, "REASON", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static const struct argp_option list_options[] = {
	{ "format", KEY_LIST_FORMAT, "FORMAT", 0, "text (default) or json", 0 },
	{ 0 },
};
/* clang-format on */

/* What the parsers share. */
struct parsing {
	const struct cwr_command *command;
	struct cwr_options *options;
	struct cwr_error *error;
};

/* The option after now, of argp and what it includes; NULL stands for both ends. */
static const struct argp_option *next_option(const struct argp *argp, const struct argp_option *now)
{
	const struct argp_child *child = argp->children;
	const struct argp_option *table = argp->options;

	for (bool is_next = !now;; table = (child++)->argp->options) {
		for (const struct argp_option *o = table; o && o->name; o++) {
			if (is_next)
				return o;
			is_next = o == now;
		}
		if (!child->argp)
			return NULL;
	}
}

static const struct argp_option *find_key(const struct argp *argp, int key)
{
	const struct argp_option *option = NULL;

	while ((option = next_option(argp, option)) && option->key != key)
		;
	return option;
}

/* What getopt found wrong with a word like --NAME[=VALUE]; NULL: nothing. */
static const char *long_fault(const struct argp *argp, const char *word)
{
	const struct argp_option *option = NULL, *found = NULL;
	size_t length = strcspn(word + 2, "=");
	int n = 0;

	while ((option = next_option(argp, option))) {
		if (strncmp(option->name, word + 2, length) != 0)
			continue;
		found = option;
		n++;
		if (strlen(option->name) == length) {
			n = 1;
			break;
		}
	}
	if (n != 1)
		return n ? "ambiguous option" : "unknown option";
	if (word[2 + length])
		return found->arg ? NULL : "no value is taken by";
	return found->arg ? "no value given for" : NULL;
}

/* The same for a word of letters. */
static const char *short_fault(const struct argp *argp, const char *word)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct argp_option *option = find_key(argp, (unsigned char)*letter);

		if (!option)
			return "unknown option";
		if (option->arg)
			return letter[1] ? NULL : "no value given for";
	}
	return NULL;
}

static const char *fault(const struct argp *argp, const char *word)
{
	if (!word || word[0] != '-')
		return NULL;
	return word[1] == '-' ? long_fault(argp, word) : short_fault(argp, word);
}

/* getopt has passed over the word that it refuses, unless more letters follow in it. */
static void complain(struct parsing *parsing, const struct argp_state *state)
{
	const struct argp *argp = parsing->command->argp;
	const char *word = state->argv[state->next - 1];
	const char *what = fault(argp, word);

	if (!what && state->next < state->argc) {
		word = state->argv[state->next];
		what = fault(argp, word);
	}
	parsing->error = cwr_error_new(CWR_EXIT_USAGE, "%s '%s' (see `cwshim %s --help`)",
				       what ? what : "bad option", word, parsing->command->name);
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct parsing *parsing = state->input;

	if (key <= 0 || key >= KEYS || !setters[key])
		return ARGP_ERR_UNKNOWN;
	if (setters[key](parsing->options, value))
		return 0;
	parsing->error = cwr_error_new(
		CWR_EXIT_USAGE, "bad value '%s' for --%s (see `cwshim %s --help`)", value,
		find_key(parsing->command->argp, key)->name, parsing->command->name);
	return EINVAL;
}

/* The parser of a subcommand; the tables that it includes have parse_option(). */
static error_t parse_command(int key, char *value, struct argp_state *state)
{
	struct parsing *parsing = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		for (int i = 0; state->root_argp->children[i].argp; i++)
			state->child_inputs[i] = parsing;
		return 0;
	case ARGP_KEY_ARGS:
		parsing->options->nargs = state->argc - state->next;
		parsing->options->args = state->argv + state->next;
		return 0;
	case ARGP_KEY_ERROR:
		if (!parsing->error)
			complain(parsing, state);
		return 0;
	}
	return parse_option(key, value, state);
}

static const struct argp common = {.options = common_options, .parser = parse_option};
static const struct argp reporting = {.options = reporting_options, .parser = parse_option};
static const struct argp_child with_common[] = {{.argp = &common}, {0}};
static const struct argp_child with_reporting[] = {{.argp = &reporting}, {.argp = &common}, {0}};

const struct argp cwr_argp_run = {
	.options = run_options,
	.parser = parse_command,
	.args_doc = "[--] COMMAND [ARGUMENT...]",
	.doc = "Run a command under the shim; one report for all its processes.",
	.children = with_reporting,
};

const struct argp cwr_argp_report = {
	.options = report_options,
	.parser = parse_command,
	.args_doc = "[PID... | SESSION...]",
	.doc = "Report from living or ended processes; without arguments, from all of yours.",
	.children = with_reporting,
};

const struct argp cwr_argp_list = {
	.options = list_options,
	.parser = parse_command,
	.doc = "List the sessions, of living and of ended processes.",
	.children = with_common,
};

const struct argp cwr_argp_clean = {
	.parser = parse_command,
	.doc = "Remove the sessions of ended processes.",
	.children = with_common,
};

const struct argp cwr_argp_doctor = {
	.parser = parse_command,
	.args_doc = "PID|COMMAND [ARGUMENT...]",
	.doc = "Say whether the shim would see a program's sockets, and if not, why.",
	.children = with_common,
};

struct cwr_error *cwr_options_parse(const struct cwr_command *command, int argc, char **argv,
				    struct cwr_options *ret_options)
{
	unsigned int flags = ARGP_SILENT | (command->stops_at_first_argument ? ARGP_IN_ORDER : 0);
	struct parsing parsing = {.command = command, .options = ret_options};

	*ret_options = (struct cwr_options){
		.min_age_s = 1,
		.in_use_s = 10,
		.late_s = -1,
		.fail_on = 1u << CWR_LEAK | 1u << CWR_STALL,
		.error_exitcode = -1,
		.args = argv + argc,
	};
	if (argp_parse(command->argp, argc, argv, flags, NULL, &parsing) && !parsing.error)
		return cwr_error_new(CWR_EXIT_USAGE, "bad options (see `cwshim %s --help`)",
				     command->name);
	return parsing.error;
}

void cwr_options_help(const struct cwr_command *command)
{
	char name[32];

	snprintf(name, sizeof(name), "cwshim %s", command->name);
	argp_help(command->argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC,
		  name);
}
