/* SPDX-License-Identifier: MIT */
/*
 * Suppressions; see suppress.h.  Patterns follow LeakSanitizer's.
 */
#include "diagnose/suppress.h"
#include "diagnose/range.h"
#include "model/site.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Matches from here on; `*` anything, `$` at the end of the pattern the end of the text. */
static bool match_here(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '$' && !pattern[1])
			return !*text;
		if (*pattern == '*')
			break;
		if (*pattern != *text)
			return false;
	}
	if (!*pattern)
		return true;
	while (*pattern == '*')
		pattern++;
	for (; *text; text++)
		if (match_here(pattern, text))
			return true;
	return match_here(pattern, text);
}

bool cwr_suppress_matches(const char *pattern, const char *text)
{
	if (!text)
		return false;
	if (*pattern == '^')
		return match_here(pattern + 1, text);
	for (; *text; text++)
		if (match_here(pattern, text))
			return true;
	return match_here(pattern, text);
}

static bool matches_leak(const char *pattern, const struct cwr_finding *finding)
{
	const struct cwr_stack *stack = finding->evidence[CWR_EV_CREATED].stack;

	for (size_t i = 0; stack && i < stack->nframes; i++) {
		const struct cwr_frame *frame = &stack->frames[i];

		if (cwr_suppress_matches(pattern, frame->function) ||
		    cwr_suppress_matches(pattern, frame->file) ||
		    cwr_suppress_matches(pattern, frame->module))
			return true;
	}
	return false;
}

static bool matches_cause(const char *id, const struct cwr_finding *finding)
{
	return !strcmp(id, finding->cause);
}

static bool matches_exe(const char *glob, const struct cwr_finding *finding)
{
	const char *exe = finding->process->exe;

	return exe && (!fnmatch(glob, exe, 0) || !fnmatch(glob, cwr_site_basename(exe), 0));
}

static bool matches_peer(const char *range, const struct cwr_socket *socket)
{
	return cwr_suppress_in_range(range, &socket->peer);
}

static bool matches_local(const char *range, const struct cwr_socket *socket)
{
	return cwr_suppress_in_range(range, &socket->local);
}

/* A rule speaks of a whole finding or of single sockets. */
static const struct rule_kind {
	const char *prefix;
	bool (*matches_finding)(const char *value, const struct cwr_finding *finding);
	bool (*matches_socket)(const char *value, const struct cwr_socket *socket);
} kinds[] = {
	{"leak:", matches_leak, NULL}, {"cause:", matches_cause, NULL}, {"exe:", matches_exe, NULL},
	{"peer:", NULL, matches_peer}, {"local:", NULL, matches_local},
};

static const struct rule_kind *kind_of(const char *rule)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(rule, kinds[i].prefix, strlen(kinds[i].prefix)))
			return &kinds[i];
	return NULL;
}

static bool is_rule(const char *line)
{
	const struct rule_kind *kind = kind_of(line);
	struct cwr_range range;
	const char *value;

	if (!kind)
		return false;
	value = line + strlen(kind->prefix);
	return *value && (!kind->matches_socket || cwr_range_parse(value, &range));
}

bool cwr_suppress_in_range(const char *text, const struct cwr_addr *addr)
{
	struct cwr_range range;

	return cwr_range_parse(text, &range) && cwr_range_contains(&range, addr);
}

static void add_rule(struct cwr_model *model, const char *line)
{
	struct cwr_suppression **link = &model->suppressions;
	struct cwr_suppression *rule = cwr_model_alloc(model, sizeof(*rule));

	rule->rule = cwr_model_strdup(model, line);
	while (*link)
		link = &(*link)->next;
	*link = rule;
}

static char *trim(char *line)
{
	char *end;

	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return line;
}

struct cwr_error *cwr_suppress_load(struct cwr_model *model, const char *path)
{
	CWR_AUTO_FCLOSE FILE *file = fopen(path, "re");
	CWR_AUTO_FREE char *buffer = NULL;
	unsigned int number = 0;
	size_t size = 0;

	if (!file)
		return cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path, strerror(errno));
	while (getline(&buffer, &size, file) >= 0) {
		char *line = trim(buffer);

		number++;
		if (!*line || *line == '#')
			continue;
		if (!is_rule(line))
			return cwr_error_new(CWR_EXIT_INPUT, "%s:%u: not a suppression: %s", path,
					     number, line);
		add_rule(model, line);
	}
	if (ferror(file))
		return cwr_error_new(CWR_EXIT_INPUT, "%s: cannot be read", path);
	return NULL;
}

static void suppress(struct cwr_finding *finding, struct cwr_suppression *rule)
{
	finding->suppressed = rule->rule;
	rule->matches += finding->nsockets;
}

/* Moves the sockets that match into a finding of their own, right behind, and returns that. */
static struct cwr_finding *split(struct cwr_model *model, struct cwr_finding *f,
				 const struct rule_kind *kind, const char *value)
{
	struct cwr_finding *rest = cwr_model_alloc(model, sizeof(*rest));
	size_t kept = 0;

	*rest = *f;
	rest->nsockets = 0;
	rest->sockets = cwr_model_alloc(model, f->nsockets * sizeof(*rest->sockets));
	rest->blamed = cwr_model_alloc(model, f->nsockets * sizeof(*rest->blamed));
	for (size_t i = 0; i < f->nsockets; i++) {
		bool matches = kind->matches_socket(value, f->sockets[i]);
		struct cwr_finding *to = matches ? rest : f;
		size_t n = matches ? rest->nsockets++ : kept++;

		to->sockets[n] = f->sockets[i];
		to->blamed[n] = f->blamed[i];
	}
	f->nsockets = kept;
	f->next = rest;
	return rest;
}

static size_t count_matches(const struct cwr_finding *f, const struct rule_kind *kind,
			    const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nsockets; i++)
		n += kind->matches_socket(value, f->sockets[i]);
	return n;
}

static void apply(struct cwr_model *model, struct cwr_finding *f, struct cwr_suppression *rule)
{
	const struct rule_kind *kind = kind_of(rule->rule);
	const char *value = rule->rule + strlen(kind->prefix);
	size_t n;

	if (kind->matches_finding) {
		if (kind->matches_finding(value, f))
			suppress(f, rule);
		return;
	}
	n = count_matches(f, kind, value);
	if (n && n == f->nsockets)
		suppress(f, rule);
	else if (n)
		suppress(split(model, f, kind, value), rule);
}

void cwr_suppress_apply(struct cwr_model *model)
{
	for (struct cwr_finding *f = model->findings; f; f = f->next)
		for (struct cwr_suppression *r = model->suppressions; r && !f->suppressed;
		     r = r->next)
			apply(model, f, r);
}
