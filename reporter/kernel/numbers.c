/* SPDX-License-Identifier: MIT */
/*
 * Makes the numbers of processes and threads in the model those of /proc, where their sessions were
 * written in other pid namespaces.  Those of who has ended stay as the session has them.
 */
#include "kernel/observer.h"

#include "kernel/pidns.h"
#include "model/arena.h"

#include <stdlib.h>

struct spaces {
	size_t n;
	struct cwr_pidns *spaces;
};

/* NULL: the numbers of the process are those of /proc already. */
static const struct cwr_pidns *space_of(struct spaces *spaces, const struct cwr_process *process)
{
	if (!process->pidns)
		return NULL;
	for (size_t i = 0; i < spaces->n; i++)
		if (spaces->spaces[i].pidns == process->pidns)
			return &spaces->spaces[i];
	if (cwr_pidns_is_here(process->pidns))
		return NULL;
	spaces->spaces = realloc(spaces->spaces, (spaces->n + 1) * sizeof(*spaces->spaces));
	if (!spaces->spaces)
		cwr_out_of_memory();
	cwr_pidns_read(&spaces->spaces[spaces->n], process->pidns);
	return &spaces->spaces[spaces->n++];
}

static void translate(const struct cwr_pidns *space, pid_t *number)
{
	pid_t outer = *number > 0 ? cwr_pidns_translate(space, *number) : 0;

	if (outer)
		*number = outer;
}

static void translate_mark(const struct cwr_pidns *space, struct cwr_mark *mark)
{
	translate(space, &mark->pid);
	translate(space, &mark->tid);
}

static void translate_forks(const struct cwr_pidns *space, const struct cwr_process *process)
{
	for (size_t i = 0; i < process->nforks; i++) {
		struct cwr_fork *fork = &process->forks[i];

		translate_mark(space, &fork->mark);
		translate_mark(space, &fork->executed);
		translate_mark(space, &fork->duplicated);
		if (!fork->child)
			continue;
		fork->child_ended |= !cwr_pidns_translate(space, fork->child);
		translate(space, &fork->child);
	}
}

static void translate_holder(const struct cwr_pidns *space, struct cwr_holder *h)
{
	struct cwr_mark *const marks[] = {
		&h->via_mark, &h->eof,	  &h->shutdown, &h->last_use,	 &h->waited,
		&h->unpolled, &h->passed, &h->closed,	&h->wrong_close,
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		translate_mark(space, marks[i]);
	if (h->is_creator)
		translate_mark(space, &h->socket->created);
}

/* A session's process is found by its start as well; a child without one by its number alone. */
static pid_t find(const struct cwr_pidns *space, const struct cwr_process *process)
{
	if (process->session_path)
		return cwr_pidns_find(process->pid, process->start_ticks, process->pidns);
	return cwr_pidns_translate(space, process->pid);
}

static void translate_process(struct cwr_model *model, const struct cwr_pidns *space,
			      struct cwr_process *process)
{
	pid_t outer = find(space, process);

	process->is_elsewhere = !outer;
	if (outer)
		process->pid = outer;
	else if (process->session_path)
		cwr_model_add_limit(
			model, process,
			"it was in another pid namespace, and its number is of that one");
	translate(space, &process->ppid);
	translate_mark(space, &process->executed);
	translate_mark(space, &process->exhausted);
	translate_forks(space, process);
	for (struct cwr_holder *h = process->holders; h; h = h->next_in_process)
		translate_holder(space, h);
}

void cwr_observe_numbers(struct cwr_observer *observer)
{
	struct cwr_model *model = observer->model;
	struct spaces spaces = {0};

	for (struct cwr_process *p = model->processes; p; p = p->next) {
		const struct cwr_pidns *space = space_of(&spaces, p);

		if (space)
			translate_process(model, space, p);
	}
	for (size_t i = 0; i < spaces.n; i++)
		cwr_pidns_free(&spaces.spaces[i]);
	free(spaces.spaces);
}
