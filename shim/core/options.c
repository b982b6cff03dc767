/* SPDX-License-Identifier: MIT */
/*
 * Parses CWSHIM_OPTIONS by the table.  The text is copied first: programs that set their title
 * write over their environment.
 */
#include "core/options.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/text.h"

#include "core/poison.h"

struct cw_options cw_options;

static char copy[4096];

static bool parse_string(const char *text, uint64_t *ret_number)
{
	*ret_number = 0;
	return true;
}

static bool parse_flag(const char *text, uint64_t *ret_number)
{
	return cw_parse_uint(text, 1, ret_number);
}

static bool parse_count(const char *text, uint64_t *ret_number)
{
	return cw_parse_uint(text, UINT32_MAX, ret_number);
}

static bool parse_exitcode(const char *text, uint64_t *ret_number)
{
	return cw_parse_uint(text, 255, ret_number);
}

static bool parse_depth(const char *text, uint64_t *ret_number)
{
	return cw_parse_uint(text, 128, ret_number) && *ret_number > 0;
}

static bool parse_duration(const char *text, uint64_t *ret_number)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"", 1000000000},
		     {"ms", 1000000},
		     {"s", 1000000000},
		     {"m", 60000000000},
		     {"h", 3600000000000}};
	const char *end;
	uint64_t value = cw_scan_uint(text, &end);

	if (end == text || value > 1000000)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (cw_streq(end, units[i].unit)) {
			*ret_number = value * units[i].ns;
			return true;
		}
	return false;
}

/* A comma-separated list of verdicts, or "none". */
static bool parse_verdicts(const char *text, uint64_t *ret_number)
{
	static const char *const verdicts[] = {"leak", "stall", "idle", "in-use", "none"};

	*ret_number = 0;
	for (;;) {
		char word[16];
		struct cw_text name = CW_TEXT(word);
		bool is_known = false;

		while (*text && *text != ',')
			cw_text_add_n(&name, text++, 1);
		for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
			is_known = is_known || (name.len && cw_streq(word, verdicts[i]));
		if (!is_known || name.is_cut)
			return false;
		if (!*text++)
			return true;
	}
}

/* names ends with NULL; the number is the index. */
static bool parse_name(const char *text, const char *const *names, uint64_t *ret_number)
{
	for (size_t i = 0; names[i]; i++)
		if (cw_streq(text, names[i])) {
			*ret_number = i;
			return true;
		}
	return false;
}

static bool parse_unwinder(const char *text, uint64_t *ret_number)
{
	static const char *const names[] = {"none", "caller", "fp", "libunwind", NULL};

	return parse_name(text, names, ret_number);
}

static bool parse_filter(const char *text, uint64_t *ret_number)
{
	static const char *const names[] = {"auto", "avoid", "trust", NULL};

	return parse_name(text, names, ret_number);
}

static const char *skip_prefix(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return NULL;
	return text;
}

static bool parse_realtime_signal(const char *text, uint64_t *ret_number)
{
	const char *from_max = skip_prefix(text, "RTMAX");
	const char *from_min = skip_prefix(text, "RTMIN");
	uint64_t range = (uint64_t)(SIGRTMAX - SIGRTMIN);
	uint64_t n = 0;

	if (!from_max && !from_min)
		return false;
	text = from_max ? from_max : from_min;
	if (*text && (*text != (from_max ? '-' : '+') || !cw_parse_uint(text + 1, range, &n)))
		return false;
	*ret_number = from_max ? (uint64_t)SIGRTMAX - n : (uint64_t)SIGRTMIN + n;
	return true;
}

/* A name with or without SIG, a number, or "none".  SIGKILL and SIGSTOP cannot be caught. */
static bool parse_signal(const char *text, uint64_t *ret_number)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {{"none", 0},	    {"HUP", SIGHUP},	   {"INT", SIGINT},
		       {"QUIT", SIGQUIT},   {"USR1", SIGUSR1},	   {"USR2", SIGUSR2},
		       {"ALRM", SIGALRM},   {"TERM", SIGTERM},	   {"CHLD", SIGCHLD},
		       {"CONT", SIGCONT},   {"TSTP", SIGTSTP},	   {"TTIN", SIGTTIN},
		       {"TTOU", SIGTTOU},   {"URG", SIGURG},	   {"XCPU", SIGXCPU},
		       {"XFSZ", SIGXFSZ},   {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF},
		       {"WINCH", SIGWINCH}, {"IO", SIGIO},	   {"PWR", SIGPWR}};
	const char *bare = skip_prefix(text, "SIG");

	bare = bare ? bare : text;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (cw_streq(bare, signals[i].name)) {
			*ret_number = (uint64_t)signals[i].number;
			return true;
		}
	if (parse_realtime_signal(bare, ret_number))
		return true;
	return cw_parse_uint(bare, (uint64_t)SIGRTMAX, ret_number) && *ret_number != SIGKILL &&
	       *ret_number != SIGSTOP && *ret_number != SIGSEGV;
}

static const struct option {
	const char *name;
	bool (*parse)(const char *text, uint64_t *ret_number);
	struct cw_option_value *value;
	const char *initial;
	const char *help;
} table[] = {
#define CW_OPTION(name, type, initial, help) {#name, parse_##type, &cw_options.name, initial, help},
#include "core/option-table.h"
#undef CW_OPTION
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

static void set(const struct option *option, const char *text)
{
	uint64_t number;

	if (!option->parse(text, &number)) {
		cw_message("bad value '", text, "' of option '", option->name, "', using ",
			   option->initial, NULL);
		return;
	}
	option->value->text = text;
	option->value->number = number;
}

/* One "key=value"; the text is cut at the equals sign. */
static void parse_pair(char *pair)
{
	char *value = pair;

	while (*value && *value != '=')
		value++;
	if (*value)
		*value++ = '\0';
	for (size_t i = 0; i < OPTIONS; i++)
		if (cw_streq(pair, table[i].name)) {
			set(&table[i], value);
			return;
		}
	cw_message("unknown option '", pair, "' in CWSHIM_OPTIONS, ignored", NULL);
}

static void print_help(void)
{
	static const char margin[] = "              ";

	cw_message("options in CWSHIM_OPTIONS, as key=value:key=value", NULL);
	for (size_t i = 0; i < OPTIONS; i++) {
		size_t len = cw_strlen(table[i].name);

		cw_message("  ", table[i].name,
			   margin + (len < sizeof(margin) ? len : sizeof(margin) - 1), "[",
			   table[i].initial, "] ", table[i].help, NULL);
	}
}

void cw_options_init(const char *text)
{
	struct cw_text whole = CW_TEXT(copy);
	char *pair = copy;

	for (size_t i = 0; i < OPTIONS; i++)
		set(&table[i], table[i].initial);
	cw_text_add(&whole, text ? text : "");
	if (whole.is_cut)
		cw_message("CWSHIM_OPTIONS is too long, cut", NULL);
	for (char *at = copy; pair; at++) {
		if (*at && *at != ':')
			continue;
		char *next = *at ? at + 1 : NULL;

		*at = '\0';
		if (*pair)
			parse_pair(pair);
		pair = next;
	}
	if (cw_options.help.number)
		print_help();
}
