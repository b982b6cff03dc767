/* SPDX-License-Identifier: MIT */
/*
 * Goes up the tree of processes from a copy of a socket; see lineage.h.
 */
#include "diagnose/lineage.h"

#include "diagnose/facts.h"

#include <stddef.h>

/* Of start times, which are in ticks (proc(5)), against marks. */
enum { START_ERROR_NS = 20000000 };

/* It made the socket, or was sent it, and so has it from no ancestor. */
static bool has_own(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && (h->is_creator || h->via == CWR_VIA_PASSED))
			return true;
	return false;
}

/* The number of forks that the process had made when it first had the socket. */
static uint32_t first_seq(const struct cwr_socket *socket, const struct cwr_process *process)
{
	uint32_t seq = UINT32_MAX;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && h->fork_seq < seq)
			seq = h->fork_seq;
	return seq;
}

static const struct cwr_fork *fork_of(const struct cwr_process *process)
{
	const struct cwr_process *parent = process->parent;

	for (size_t i = 0; parent && process->parent_fork_seq && i < parent->nforks; i++)
		if (parent->forks[i].seq == process->parent_fork_seq)
			return &parent->forks[i];
	return NULL;
}

/*
 * Processes without a session are children of the one whose session tells of them, over the same
 * fork if they came from one child of it.  That child has its number in the record of the fork, so
 * it is an ancestor of the others.
 */
static bool is_first_of_branch(const struct cwr_process *process, const struct cwr_process *other)
{
	const struct cwr_fork *fork = fork_of(other);

	return fork && process->parent == other->parent && fork->child == process->pid &&
	       process->parent_fork_seq == other->parent_fork_seq && other->pid != process->pid;
}

struct cwr_process *cwr_lineage_parent(const struct cwr_socket *socket,
				       const struct cwr_process *process)
{
	struct cwr_process *found = process->parent;

	for (const struct cwr_holder *h = socket->holders; h; h = h->next) {
		if (process->is_alive && h->process->is_alive && process->ppid > 1 &&
		    h->process->pid == process->ppid)
			return h->process;
		if (is_first_of_branch(h->process, process))
			found = h->process;
	}
	return found;
}

bool cwr_lineage_leads(const struct cwr_holder *from, const struct cwr_holder *copy)
{
	const struct cwr_socket *socket = from->socket;
	const struct cwr_process *p = copy->process;

	if (copy->via == CWR_VIA_PASSED || p == from->process)
		return false;
	for (int i = 0; i < CWR_GENERATIONS_MAX && !has_own(socket, p); i++) {
		struct cwr_process *parent = cwr_lineage_parent(socket, p);

		if (!parent)
			return from->process == socket->creator;
		if (parent == from->process)
			return parent != p->parent || !p->parent_fork_seq ||
			       p->parent_fork_seq > first_seq(socket, parent);
		p = parent;
	}
	return false;
}

bool cwr_lineage_may_lead(const struct cwr_holder *from, const struct cwr_holder *copy)
{
	const struct cwr_process *a = from->process, *b = copy->process;
	const struct cwr_fork *fork = fork_of(b);

	if (cwr_lineage_leads(from, copy))
		return true;
	return fork && a != b && a->parent == b->parent &&
	       a->parent_fork_seq == b->parent_fork_seq && fork->child != b->pid;
}

/* CLOCK_MONOTONIC; of a process that has a session it is when that began. */
static uint64_t started_at(const struct cwr_model *model, const struct cwr_process *process)
{
	int64_t ago = model->now_real_ns - process->started_real_ns + START_ERROR_NS;

	if (process->t_session)
		return process->t_session;
	if (!process->started_real_ns || ago < 0 || (uint64_t)ago > model->now)
		return 0;
	return model->now - (uint64_t)ago;
}

uint64_t cwr_lineage_came_at(const struct cwr_model *model, const struct cwr_holder *from,
			     const struct cwr_holder *copy)
{
	const struct cwr_fork *fork = cwr_fact_fork_to(from->process, copy->process, 0);

	if (fork)
		return fork->mark.t;
	if (copy->via_mark.t && copy->via_mark.pid == from->process->pid)
		return copy->via_mark.t;
	return started_at(model, copy->process);
}

const struct cwr_mark *cwr_lineage_close(const struct cwr_holder *holder)
{
	const struct cwr_mark *last = &holder->closed;

	for (const struct cwr_holder *h = holder->socket->holders; h; h = h->next)
		if (h->process == holder->process && h->closed.t > last->t)
			last = &h->closed;
	return last;
}
