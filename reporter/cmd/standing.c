/* SPDX-License-Identifier: MIT */
/*
 * Samples of the connections in CLOSE_WAIT; see standing.h.
 *
 * One that has stood for a while is looked for in the sessions of the run.  What no session knows
 * is another program's and of no concern.  Of the others the slot is copied, and once more when
 * the connection has left CLOSE_WAIT: then it tells whether it was closed, and by whom.
 */
#include "cmd/standing.h"

#include "cmd/sighting.h"

#include "model/arena.h"
#include "session/session.h"

#include <math.h>
#include <stdlib.h>

enum {
	ENTRIES_MAX = 16384,
	LOOKS_MAX = 3, /* a session may get its slot a moment after the kernel has the connection */
};

struct cwr_standing_entry {
	uint64_t cookie;
	struct cwr_sighting seen;
	int looks;
	bool is_wanted; /* by the look that is going on */
	bool is_gone;	/* it has left CLOSE_WAIT */
	struct cwr_copy *copies;
	struct cwr_standing_entry *next;
};

void cwr_standing_start(struct cwr_standing *standing, const struct cwr_options *options,
			const char *session_dir)
{
	*standing = (struct cwr_standing){
		.look_s = fmin(options->min_age_s,
			       options->late_s < 0 ? 1 : fmin(options->late_s, 1)),
		.late_s = options->late_s,
		.in_use_s = options->in_use_s,
		.earlier.dir = session_dir,
	};
}

static struct cwr_standing_entry *entry_of(struct cwr_standing *standing, uint64_t cookie)
{
	struct cwr_standing_entry *entry = cwr_map_find(&standing->by_cookie, cookie);

	if (entry)
		return entry;
	if (standing->by_cookie.n >= ENTRIES_MAX) {
		standing->dropped++;
		return NULL;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		cwr_out_of_memory();
	entry->cookie = cookie;
	entry->next = standing->entries;
	standing->entries = entry;
	cwr_map_put(&standing->by_cookie, cookie, entry);
	return entry;
}

struct sample {
	struct cwr_standing *standing;
	uint64_t now;
};

static void visit_row(void *context, const struct cwr_diag_row *row)
{
	const struct sample *sample = context;
	struct cwr_standing_entry *entry =
		row->inode ? entry_of(sample->standing, row->cookie) : NULL;

	if (!entry)
		return;
	cwr_sighting_take(&entry->seen, row, sample->standing->in_use_s, sample->now);
	entry->is_gone = false;
}

static void want(struct cwr_standing_entry *entry)
{
	entry->is_wanted = true;
	entry->looks++;
	for (struct cwr_copy *c = entry->copies; c; c = c->next)
		c->is_live = false;
}

static bool is_worth_first_look(const struct cwr_standing *standing,
				const struct cwr_standing_entry *entry)
{
	return !entry->copies && entry->looks < LOOKS_MAX && entry->seen.age_s >= standing->look_s;
}

/* One that nobody had a slot of is another program's; one that came and went is not worth a look.
 */
static bool is_worth_last_look(const struct cwr_standing *standing,
			       const struct cwr_standing_entry *entry)
{
	return entry->copies || (!entry->looks && entry->seen.age_s >= standing->look_s);
}

/* Returns whether any entry is to be looked for. */
static bool choose_wanted(struct cwr_standing *standing, uint64_t now)
{
	bool is_any = false;

	for (struct cwr_standing_entry *entry = standing->entries; entry; entry = entry->next) {
		bool was_gone = entry->is_gone;

		entry->is_wanted = false;
		entry->is_gone = entry->seen.t != now;
		if (was_gone)
			continue;
		if (entry->is_gone ? is_worth_last_look(standing, entry)
				   : is_worth_first_look(standing, entry)) {
			want(entry);
			is_any = true;
		}
	}
	return is_any;
}

static struct cwr_copy **choose(void *context, uint64_t cookie)
{
	struct cwr_standing *standing = context;
	struct cwr_standing_entry *entry = cwr_map_find(&standing->by_cookie, cookie);

	return entry && entry->is_wanted ? &entry->copies : NULL;
}

/* Did a process have it open when it ended?  Then it did not close it. */
static bool has_died_with(const struct cwr_copy *copy)
{
	return copy->is_live && copy->session->has_ended;
}

static bool is_late(const struct cwr_standing *standing, const struct cwr_standing_entry *entry)
{
	double late_s = standing->late_s;

	for (const struct cwr_copy *c = entry->copies; c && late_s < 0; c = c->next)
		if (c->session->file.header.late)
			late_s = (double)c->session->file.header.late / 1e9;
	return late_s >= 0 && entry->seen.quiet_s >= late_s;
}

static bool is_worth_keeping(const struct cwr_standing *standing,
			     const struct cwr_standing_entry *entry)
{
	if (!entry->is_gone || is_late(standing, entry))
		return !entry->is_gone || entry->copies;
	for (const struct cwr_copy *c = entry->copies; c; c = c->next)
		if (has_died_with(c))
			return true;
	return false;
}

static void free_entry(struct cwr_standing_entry *entry)
{
	cwr_copies_free(entry->copies);
	free(entry);
}

static void forget_the_rest(struct cwr_standing *standing)
{
	struct cwr_standing_entry **link = &standing->entries;

	cwr_map_free(&standing->by_cookie);
	while (*link) {
		struct cwr_standing_entry *entry = *link;

		if (is_worth_keeping(standing, entry)) {
			cwr_map_put(&standing->by_cookie, entry->cookie, entry);
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		free_entry(entry);
	}
}

void cwr_standing_sample(struct cwr_standing *standing, const struct cwr_diag *diag, uint64_t now)
{
	struct sample sample = {standing, now};

	cwr_diag_each(diag, visit_row, &sample);
	if (choose_wanted(standing, now))
		cwr_earlier_look(&standing->earlier, choose, standing);
	forget_the_rest(standing);
}

/* --- The report ----------------------------------------------------------------------------------
 */

/* What the session had of those that were closed late goes into the model. */
static void load_copies(const struct cwr_standing *standing, struct cwr_earlier_session *session,
			struct cwr_model *model)
{
	struct cw_slot *slots = calloc(session->ncopies + 1, sizeof(*slots));
	size_t n = 0;

	if (!slots)
		cwr_out_of_memory();
	for (struct cwr_standing_entry *entry = standing->entries; entry; entry = entry->next)
		for (const struct cwr_copy *c = entry->copies; c; c = c->next)
			if (c->session == session && entry->is_gone && is_late(standing, entry))
				slots[n++] = c->slot;
	if (n)
		cwr_error_free(cwr_session_load_earlier(model, &session->file, slots, n));
	free(slots);
}

/* The shim's own word at the end, if there was one, is the better one. */
static void set_last_word(struct cwr_model *model, const struct cwr_standing_entry *entry,
			  const struct cwr_copy *copy)
{
	const struct cwr_process *process = cwr_model_find_path(model, copy->session->file.path);
	struct cwr_socket *socket = cwr_model_find_socket(model, entry->cookie);
	struct cwr_holder *holder =
		socket && process ? cwr_model_find_holder(model, socket, process, copy->slot.fd)
				  : NULL;

	if (holder && !process->t_exit)
		cwr_sighting_tell(&entry->seen, holder);
}

/* What a process had open at its end was not closed late: it was not closed. */
static void tell_of(const struct cwr_standing *standing, struct cwr_model *model,
		    const struct cwr_standing_entry *entry)
{
	struct cwr_socket *socket = cwr_model_find_socket(model, entry->cookie);
	bool has_died = false;

	for (const struct cwr_copy *c = entry->copies; c; c = c->next) {
		if (!has_died_with(c))
			continue;
		has_died = true;
		set_last_word(model, entry, c);
	}
	if (!socket || has_died || !is_late(standing, entry))
		return;
	socket->stood_s = entry->seen.quiet_s;
	socket->stood_until = entry->seen.t;
}

static void say_limits(const struct cwr_standing *standing, struct cwr_model *model, pid_t command)
{
	struct cwr_process *process = cwr_model_find_process(model, command);

	if (process && standing->dropped)
		cwr_model_add_limit(model, process,
				    "there were too many connections in CLOSE_WAIT to watch all of "
				    "them while it ran: closed-late may be missing");
	if (process && standing->earlier.is_full)
		cwr_model_add_limit(model, process,
				    "there were too many sessions to watch all of them while it "
				    "ran: closed-late may be missing");
}

void cwr_standing_apply(const struct cwr_standing *standing, struct cwr_model *model, pid_t command)
{
	for (struct cwr_earlier_session *s = standing->earlier.sessions; s; s = s->next)
		load_copies(standing, s, model);
	for (struct cwr_standing_entry *entry = standing->entries; entry; entry = entry->next)
		if (entry->is_gone)
			tell_of(standing, model, entry);
	say_limits(standing, model, command);
}

void cwr_standing_free(struct cwr_standing *standing)
{
	struct cwr_standing_entry *next;

	for (struct cwr_standing_entry *entry = standing->entries; entry; entry = next) {
		next = entry->next;
		free_entry(entry);
	}
	cwr_map_free(&standing->by_cookie);
	cwr_earlier_free(&standing->earlier);
}
