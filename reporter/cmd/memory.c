/* SPDX-License-Identifier: MIT */
/*
 * Sessions in memory; see memory.h.  One that may not be read, or goes away meanwhile, is none.
 */
#include "cmd/memory.h"

#include "kernel/memory.h"
#include "kernel/proc.h"
#include "model/arena.h"
#include "session/session.h"

#include <stdlib.h>
#include <unistd.h>

struct found {
	pid_t pid; /* in /proc */
	uint64_t address;
	bool is_loaded;
	struct cw_session_header header;
	struct found *next;
};

struct search {
	struct cwr_model *model;
	struct found *found; /* the model's */
};

static void visit(void *context, pid_t pid)
{
	struct search *search = context;
	struct cw_session_header header;
	uint64_t address;
	struct found *found;

	if (pid == getpid() || !cwr_memory_find(pid, &address, &header))
		return;
	found = cwr_model_alloc(search->model, sizeof(*found));
	*found = (struct found){pid, address, false, header, search->found};
	search->found = found;
}

static struct found *find_all(struct cwr_model *model)
{
	struct search search = {.model = model};

	cwr_proc_each_pid(visit, &search);
	return search.found;
}

static void load(struct cwr_model *model, struct found *found)
{
	found->is_loaded = true;
	cwr_error_free(cwr_session_load_memory(model, found->pid, found->address, &found->header));
}

void cwr_memory_load_all(struct cwr_model *model)
{
	for (struct found *f = find_all(model); f; f = f->next)
		load(model, f);
}

static bool is_relative(const struct cwr_model *model, const struct cw_session_header *header)
{
	for (const struct cwr_process *p = model->processes; p; p = p->next) {
		if (header->from_fork && header->parent_pid == p->pid &&
		    header->parent_t_start == p->t_session)
			return true;
		if (p->parent_pid == header->pid && p->parent_t_session == header->t_start)
			return true;
	}
	return false;
}

static bool load_more(struct cwr_model *model, struct found *all, pid_t pid)
{
	bool has_loaded = false;

	for (struct found *f = all; f; f = f->next) {
		if (f->is_loaded || (f->pid != pid && !is_relative(model, &f->header)))
			continue;
		load(model, f);
		has_loaded = true;
	}
	return has_loaded;
}

bool cwr_memory_load_pid(struct cwr_model *model, pid_t pid)
{
	struct found *all = find_all(model);

	while (load_more(model, all, pid))
		;
	for (const struct found *f = all; f; f = f->next)
		if (f->pid == pid)
			return true;
	return false;
}
