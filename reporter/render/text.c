/* SPDX-License-Identifier: MIT */
/*
 * The report as text for people: a line that says it all, then for each finding what happened, the
 * evidence with its source lines, what to change, and some of the sockets.  Short unless `all` is
 * asked for.
 */
#include "model/phrase.h"
#include "model/site.h"
#include "render/render.h"
#include "util/grid.h"
#include "util/text.h"

#include <inttypes.h>
#include <string.h>

enum {
	INDENT = 4,
	CREATED_FRAMES = 2, /* shown of the creating stack; of the others one */
	SOCKETS_SHOWN = 3,
	PROCESSES_SHOWN = 3,
	FUNCTION_WIDTH = 40,
};

struct page {
	const struct cwr_model *model;
	const struct cwr_render_options *options;
	FILE *out;
	bool has_failed;
};

#define put(page, style, ...) \
	cwr_text_print((page)->out, (page)->options->color, style, __VA_ARGS__)

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static bool is_failing(enum cwr_verdict verdict)
{
	return verdict == CWR_LEAK || verdict == CWR_STALL;
}

static bool is_shown(const struct page *page, const struct cwr_finding *finding)
{
	if (finding->suppressed)
		return page->options->show_suppressed;
	return page->options->all || is_failing(finding->verdict);
}

/* ---- the first line ---- */

static size_t count_causes(const struct cwr_model *model)
{
	size_t n = 0;

	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		n += is_failing(f->verdict) && !f->suppressed;
	return n;
}

/* The process that the report is about: the blamed one, else the first. */
static const struct cwr_process *subject(const struct cwr_model *model)
{
	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		if (is_failing(f->verdict) && !f->suppressed)
			return f->process;
	return model->processes;
}

static void put_end(struct page *page, const struct cwr_process *process)
{
	char age[32];
	double up = (double)(page->model->now_real_ns - process->started_real_ns) / 1e9;

	if (process->is_alive && process->started_real_ns)
		put(page, CWR_STYLE_PLAIN, ", up %s", cwr_text_age(up, age, sizeof(age)));
	else if (process->end == CWR_END_EXITED)
		put(page, CWR_STYLE_PLAIN, ", exited with status %d", process->end_status);
	else if (process->end == CWR_END_SIGNALED)
		put(page, CWR_STYLE_PLAIN, ", ended by signal %d", process->end_status);
	else if (!process->is_alive)
		put(page, CWR_STYLE_PLAIN, ", ended");
}

static void put_subject(struct page *page)
{
	const struct cwr_process *process = subject(page->model);

	if (!process)
		return;
	put(page, CWR_STYLE_PLAIN, " -- %s (pid %d", cwr_phrase_program(process), process->pid);
	put_end(page, process);
	put(page, CWR_STYLE_PLAIN, ")");
}

static void put_headline(struct page *page)
{
	uint64_t leaked = page->model->summary[CWR_LEAK];
	uint64_t stalled = page->model->summary[CWR_STALL];
	size_t causes = count_causes(page->model);

	put(page, CWR_STYLE_BOLD, "cwshim: ");
	if (leaked)
		put(page, CWR_STYLE_BAD, "%" PRIu64 " socket%s leaked", leaked, plural(leaked));
	if (stalled)
		put(page, CWR_STYLE_WARNING, "%s%" PRIu64 " %sstalled", leaked ? ", " : "", stalled,
		    leaked	   ? ""
		    : stalled == 1 ? "socket "
				   : "sockets ");
	if (causes && !leaked && !stalled)
		put(page, CWR_STYLE_WARNING, "out of descriptors");
	if (causes)
		put(page, CWR_STYLE_PLAIN, ", %zu cause%s", causes, plural(causes));
	else
		put(page, CWR_STYLE_GOOD, "no leaked sockets");
	put_subject(page);
	put(page, CWR_STYLE_PLAIN, "\n");
}

/* ---- a finding's title ---- */

static void put_title(struct page *page, const struct cwr_finding *f, size_t number)
{
	char counts[256], label[16];
	int used, gap;

	cwr_phrase_counts(f, counts, sizeof(counts));
	snprintf(label, sizeof(label), "#%zu", number);
	used = (int)strlen(f->title) + INDENT;
	gap = page->options->columns - used - (int)strlen(counts);
	put(page, f->verdict == CWR_LEAK ? CWR_STYLE_BAD : CWR_STYLE_WARNING, "%-3s ", label);
	put(page, CWR_STYLE_BOLD, "%s", f->title);
	if (gap >= 2)
		put(page, CWR_STYLE_PLAIN, "%*s%s\n", gap, "", counts);
	else
		put(page, CWR_STYLE_PLAIN, "\n%*s%s\n", INDENT, "", counts);
}

/* ---- in words ---- */

static void put_paragraph(struct page *page, enum cwr_style style, const char *label,
			  const char *text)
{
	fprintf(page->out, "%*s", INDENT, "");
	put(page, style, "%s", label);
	cwr_text_wrap(page->out, "", text, INDENT + (int)strlen(label), page->options->columns);
}

static void put_doubts(struct page *page, const struct cwr_finding *f)
{
	fprintf(page->out, "%*s", INDENT, "");
	put(page, CWR_STYLE_DIM, "%s: %s confidence", f->cause, cwr_confidence_name(f->confidence));
	for (const char **also = f->also_possible; also && *also; also++)
		put(page, CWR_STYLE_DIM, "%s%s",
		    also == f->also_possible ? "; also possible: " : ", ", *also);
	put(page, CWR_STYLE_PLAIN, "\n");
}

/* What was done right with the others of this place. */
static void put_lives(struct page *page, const struct cwr_finding *f)
{
	char lives[256];

	cwr_phrase_lives(f, lives, sizeof(lives));
	if (*lives)
		put_paragraph(page, CWR_STYLE_DIM, "closed: ", lives);
}

static void put_words(struct page *page, const struct cwr_finding *f)
{
	if (f->explanation)
		put_paragraph(page, CWR_STYLE_PLAIN, "", f->explanation);
	if (!f->is_confirmed)
		put_paragraph(page, CWR_STYLE_WARNING, "not confirmed: ",
			      f->process->is_alive
				      ? "the kernel could not be asked; this is what was recorded."
				      : "the process is gone; this is what was recorded.");
	if (f->closed_at_exit)
		put_paragraph(page, CWR_STYLE_WARNING,
			      "closed at exit: ", "only the end of the program closed them.");
	if (f->suppressed)
		put_paragraph(page, CWR_STYLE_DIM, "suppressed by ", f->suppressed);
	put_lives(page, f);
	if (f->confidence != CWR_HIGH || (f->also_possible && *f->also_possible) ||
	    page->options->all)
		put_doubts(page, f);
}

/* ---- evidence ---- */

static void format_who(const struct cwr_finding *f, enum cwr_evidence which, char *text,
		       size_t size)
{
	const struct cwr_mark *mark = &f->evidence[which];
	char children[128] = "", thread[48] = "";

	text[0] = '\0';
	if (!mark->pid)
		return;
	if (which == CWR_EV_FORKED)
		cwr_phrase_children(f, children, sizeof(children));
	if (mark->tid && mark->tid != mark->pid)
		snprintf(thread, sizeof(thread), ", thread %d", mark->tid);
	snprintf(text, size, "pid %d%s%s", mark->pid, thread, children);
}

/* The end of a long name tells more than its namespaces. */
static void add_frame(struct cwr_grid *grid, const struct cwr_frame *frame)
{
	const char *function = frame->function ? frame->function : "??";
	size_t length = strlen(function);
	bool is_long = length > FUNCTION_WIDTH;
	char where[256];

	cwr_grid_add_cell(grid, CWR_STYLE_BOLD, "%s%s", is_long ? "..." : "",
			  is_long ? function + length - FUNCTION_WIDTH + 3 : function);
	cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s",
			  cwr_site_format(frame, where, sizeof(where)));
}

static bool is_own(const struct cwr_frame *frame)
{
	return !cwr_site_is_runtime(frame->module) && !cwr_site_is_library(frame);
}

/* One past the last frame to show; what lies below main() is the C library's. */
static size_t last_frame(const struct cwr_stack *stack, size_t first, size_t wanted, bool all)
{
	size_t end = first;

	if (all)
		return stack->nframes;
	while (end < stack->nframes && end - first < wanted &&
	       (end == first || is_own(&stack->frames[end])))
		end++;
	return end;
}

static void add_evidence(const struct page *page, struct cwr_grid *grid,
			 const struct cwr_finding *f, enum cwr_evidence which)
{
	const struct cwr_mark *mark = &f->evidence[which];
	const struct cwr_stack *stack = mark->stack;
	bool all = page->options->all;
	size_t first, end;
	char who[256];

	format_who(f, which, who, sizeof(who));
	cwr_grid_add_row(grid);
	cwr_grid_add_cell(grid, CWR_STYLE_LABEL, "%s", cwr_phrase_evidence(f, which));
	if (!stack || !stack->nframes) {
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s%s", mark->op ? mark->op : "?",
				  mark->op ? "()" : "");
		cwr_grid_add_cell(grid, CWR_STYLE_DIM, "no stack");
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", who);
		return;
	}
	first = all ? 0 : cwr_site_index(stack);
	end = last_frame(stack, first, which == CWR_EV_CREATED ? CREATED_FRAMES : 1, all);
	for (size_t i = first; i < end; i++) {
		if (i > first) {
			cwr_grid_add_row(grid);
			cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", "");
		}
		add_frame(grid, &stack->frames[i]);
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", i == first ? who : "");
	}
}

static bool is_first_of_process(const struct cwr_finding *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f->blamed[i]->process == f->blamed[n]->process)
			return false;
	return true;
}

static void add_holders(const struct page *page, struct cwr_grid *grid, const struct cwr_finding *f)
{
	size_t processes = 0;
	char fds[64];

	for (size_t i = 0; i < f->nsockets; i++) {
		const struct cwr_process *process = f->blamed[i]->process;

		/* What is closed has been told. */
		if (!f->blamed[i]->is_open || !is_first_of_process(f, i) ||
		    (++processes > PROCESSES_SHOWN && !page->options->all))
			continue;
		cwr_phrase_descriptors(f, process, fds, sizeof(fds));
		cwr_grid_add_row(grid);
		cwr_grid_add_cell(grid, CWR_STYLE_LABEL, "%s",
				  f->sockets[i]->listener || f->ncalls ? "listening"
				  : process->is_alive		       ? "still open"
								       : "left open");
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", fds);
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "pid %d", process->pid);
	}
	if (processes > PROCESSES_SHOWN && !page->options->all) {
		cwr_grid_add_row(grid);
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", "");
		cwr_grid_add_cell(grid, CWR_STYLE_DIM, "... in %zu more processes (--all)",
				  processes - PROCESSES_SHOWN);
	}
}

static void put_evidence(struct page *page, const struct cwr_finding *f)
{
	CWR_AUTO_GRID struct cwr_grid grid = {0};

	for (int i = 0; i < CWR_EVIDENCES; i++)
		if (f->evidence[i].t)
			add_evidence(page, &grid, f, (enum cwr_evidence)i);
	add_holders(page, &grid, f);
	if (!cwr_grid_print(&grid, page->out, INDENT + 2, page->options->color))
		page->has_failed = true;
}

/* ---- sockets ---- */

static void add_socket(struct cwr_grid *grid, const struct cwr_socket *s,
		       const struct cwr_holder *holder, bool with_pid)
{
	char peer[64], age[32], unread[48];
	const char *state = cwr_tcp_state_name(s->state);

	cwr_grid_add_row(grid);
	if (with_pid)
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%d", holder->process->pid);
	if (s->listener)
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "-");
	else
		cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%d", holder->fd);
	if (!cwr_addr_format(&s->peer, peer, sizeof(peer)))
		snprintf(peer, sizeof(peer), "-");
	cwr_phrase_unread(s, unread, sizeof(unread));
	cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", peer);
	cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", state ? state : "-");
	cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s",
			  cwr_text_age(s->fin_age_s, age, sizeof(age)));
	cwr_grid_add_cell(grid, CWR_STYLE_PLAIN, "%s", unread);
}

static void add_heading(struct cwr_grid *grid, bool with_pid)
{
	static const char *const names[] = {"pid", "fd", "peer", "state", "for", "unread"};

	cwr_grid_add_row(grid);
	for (size_t i = with_pid ? 0 : 1; i < sizeof(names) / sizeof(names[0]); i++)
		cwr_grid_add_cell(grid, CWR_STYLE_DIM, "%s", names[i]);
}

static void put_sockets(struct page *page, const struct cwr_finding *f)
{
	CWR_AUTO_GRID struct cwr_grid grid = {.is_right = {true}};
	size_t shown = f->nsockets;
	bool with_pid = false;

	/* The line "1 more" would take the place of that one. */
	if (!page->options->all && shown > SOCKETS_SHOWN + 1)
		shown = SOCKETS_SHOWN;
	for (size_t i = 1; i < f->nsockets; i++)
		with_pid |= f->blamed[i]->process != f->process;
	grid.is_right[1] = with_pid;
	add_heading(&grid, with_pid);
	for (size_t i = 0; i < shown; i++)
		add_socket(&grid, f->sockets[i], f->blamed[i], with_pid);
	if (!cwr_grid_print(&grid, page->out, INDENT + 1, page->options->color))
		page->has_failed = true;
	if (shown < f->nsockets)
		put(page, CWR_STYLE_DIM, "%*s... %zu more (--all)\n", INDENT, "",
		    f->nsockets - shown);
}

static void put_finding(struct page *page, const struct cwr_finding *f, size_t number)
{
	put(page, CWR_STYLE_PLAIN, "\n");
	put_title(page, f, number);
	put_words(page, f);
	put_evidence(page, f);
	if (f->advice)
		put_paragraph(page, CWR_STYLE_GOOD, "fix: ", f->advice);
	if (f->ncalls)
		return;
	put(page, CWR_STYLE_PLAIN, "\n");
	put_sockets(page, f);
}

/* ---- the page ---- */

struct cwr_error *cwr_render_text(const struct cwr_model *model,
				  const struct cwr_render_options *options, FILE *out)
{
	struct page page = {.model = model, .options = options, .out = out};
	size_t number = 0;

	put_headline(&page);
	for (const struct cwr_finding *f = model->findings; f; f = f->next)
		if (is_shown(&page, f))
			put_finding(&page, f, ++number);
	cwr_render_text_end(model, options, out);
	return page.has_failed ? cwr_error_new(CWR_EXIT_INPUT, "out of memory") : NULL;
}
