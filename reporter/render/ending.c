/* SPDX-License-Identifier: MIT */
/*
 * The end of the report as text: what is no leak, what has been closed since an earlier report,
 * what was suppressed, and what could not be known.
 */
#include "render/render.h"
#include "util/text.h"

#include <inttypes.h>
#include <string.h>

struct page {
	const struct cwr_model *model;
	const struct cwr_render_options *options;
	FILE *out;
};

#define put(page, style, ...) \
	cwr_text_print((page)->out, (page)->options->color, style, __VA_ARGS__)

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void put_harmless(struct page *page)
{
	uint64_t in_use = page->model->summary[CWR_IN_USE];
	uint64_t idle = page->model->summary[CWR_IDLE];

	if (page->options->all || (!in_use && !idle))
		return;
	put(page, CWR_STYLE_DIM, "\nno leak: ");
	if (in_use)
		put(page, CWR_STYLE_DIM, "%" PRIu64 " socket%s half-open and in use", in_use,
		    plural(in_use));
	if (idle)
		put(page, CWR_STYLE_DIM, "%s%" PRIu64 " idle in a pool", in_use ? ", " : "", idle);
	put(page, CWR_STYLE_DIM, " (--all)\n");
}

static void put_closed(struct page *page)
{
	const struct cwr_closed *c = page->model->closed_after_all;

	if (c)
		put(page, CWR_STYLE_PLAIN, "\n");
	for (; c; c = c->next)
		put(page, CWR_STYLE_PLAIN,
		    "closed after all: %zu socket%s of an earlier report%s%s (%s, pid %d)\n",
		    c->nsockets, plural(c->nsockets), c->place ? ", made at " : "",
		    c->place ? c->place : "", c->cause, c->process->pid);
}

static void put_suppressions(struct page *page)
{
	if (!page->model->suppressed)
		return;
	put(page, CWR_STYLE_DIM, "\nsuppressed: %" PRIu64 " socket%s\n", page->model->suppressed,
	    plural(page->model->suppressed));
	for (const struct cwr_suppression *s = page->model->suppressions; s; s = s->next)
		if (s->matches)
			put(page, CWR_STYLE_DIM, "%6" PRIu64 "  %s\n", s->matches, s->rule);
}

/* How many processes before this one, or after it, have the same limit. */
static size_t count_limit(const struct cwr_process *from, const struct cwr_process *to,
			  const char *sentence)
{
	size_t n = 0;

	for (const struct cwr_process *p = from; p != to; p = p->next)
		for (size_t i = 0; i < p->nlimits; i++)
			n += !strcmp(p->limits[i], sentence);
	return n;
}

static void put_limit(struct page *page, const struct cwr_process *process, const char *sentence)
{
	size_t others = count_limit(process->next, NULL, sentence);
	char label[96];

	if (count_limit(page->model->processes, process, sentence))
		return;
	if (others)
		snprintf(label, sizeof(label), "note: pid %d and %zu more: ", process->pid, others);
	else
		snprintf(label, sizeof(label), "note: pid %d: ", process->pid);
	put(page, CWR_STYLE_WARNING, "%s", label);
	cwr_text_wrap(page->out, "", sentence, (int)strlen(label), page->options->columns);
}

/* Is it told in a finding that the process ran out of descriptors? */
static bool has_finding_of(const struct cwr_model *model, const struct cwr_process *process)
{
	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		if (f->process == process && f->ncalls)
			return true;
	return false;
}

static void put_notes(struct page *page)
{
	bool is_first = true;

	for (const struct cwr_process *p = page->model->processes; p; p = p->next) {
		bool has_note = p->emfile && !has_finding_of(page->model, p);

		if (is_first && (p->nlimits || has_note))
			put(page, CWR_STYLE_PLAIN, "\n");
		is_first = is_first && !p->nlimits && !has_note;
		for (size_t i = 0; i < p->nlimits; i++)
			put_limit(page, p, p->limits[i]);
		if (has_note)
			put(page, CWR_STYLE_WARNING,
			    "note: pid %d: ran out of descriptors %" PRIu64 " time%s (EMFILE)\n",
			    p->pid, p->emfile, plural(p->emfile));
	}
}

void cwr_render_text_end(const struct cwr_model *model, const struct cwr_render_options *options,
			 FILE *out)
{
	struct page page = {.model = model, .options = options, .out = out};

	put_harmless(&page);
	put_closed(&page);
	put_suppressions(&page);
	put_notes(&page);
}
