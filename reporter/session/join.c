/* SPDX-License-Identifier: MIT */
/*
 * Joins processes over sessions.
 *
 * A process is named by its number and start time.  Two sessions that agree in both are two images
 * of one process: an exec came between them.  A forked child is linked with the session that its
 * inherited sockets were recorded in, by that session's number and start.  A child that never had
 * a session of its own is known from the notes it left in its parent's.
 */
#include "session/loader.h"

static bool is_announced(const struct cwr_process *process)
{
	return process->has_shim && !process->session_path;
}

static bool is_child_of(const struct cwr_process *process, pid_t parent_pid, uint64_t t_session)
{
	return process->parent_pid == parent_pid && process->parent_t_session == t_session;
}

struct cwr_process *cwr_join_process(struct cwr_model *model,
				     const struct cw_session_header *header)
{
	for (struct cwr_process *p = model->processes; p; p = p->next)
		if (p->pid == header->pid && is_announced(p) && header->from_fork &&
		    p->parent_fork_seq == header->parent_fork_seq &&
		    is_child_of(p, header->parent_pid, header->parent_t_start))
			return p;
	return cwr_model_add_process(model, header->pid);
}

static bool may_be_fork(const struct cwr_process *process, uint32_t fork_seq)
{
	return !fork_seq || !process->parent_fork_seq || process->parent_fork_seq == fork_seq;
}

static bool is_direct_child(const struct cwr_process *parent, pid_t pid)
{
	for (size_t i = 0; i < parent->nforks; i++)
		if (parent->forks[i].child == pid)
			return true;
	return false;
}

struct cwr_process *cwr_join_descendant(struct cwr_model *model, struct cwr_process *parent,
					pid_t pid, uint32_t fork_seq)
{
	struct cwr_process *process;

	for (process = model->processes; process; process = process->next)
		if (process->pid == pid && may_be_fork(process, fork_seq) &&
		    is_child_of(process, parent->pid, parent->t_session))
			return process;
	process = cwr_model_add_process(model, pid);
	process->ppid = is_direct_child(parent, pid) ? parent->pid : -1;
	process->has_shim = true;
	process->exe = parent->exe;
	process->cmdline = parent->cmdline;
	process->end = CWR_END_UNKNOWN;
	process->session_pid = pid;
	process->pidns = parent->pidns;
	process->parent = parent;
	process->parent_fork_seq = fork_seq;
	process->parent_pid = parent->pid;
	process->parent_t_session = parent->t_session;
	return process;
}

/*
 * What came through the exec is held by the image after it, which found it in its table and cannot
 * know by itself how it came there.
 */
static void hand_over(const struct cwr_model *model, struct cwr_holder *before,
		      const struct cwr_process *after)
{
	struct cwr_holder *heir =
		after ? cwr_model_find_holder(model, before->socket, after, before->fd) : NULL;

	before->is_open = false;
	if (heir && (heir->via == CWR_VIA_UNKNOWN || heir->via == CWR_VIA_EXEC)) {
		heir->via = CWR_VIA_EXEC;
		heir->via_mark = before->process->executed;
	}
}

static void end_by_exec(struct cwr_model *model, struct cwr_process *process,
			struct cwr_process *after)
{
	process->end = CWR_END_EXEC;
	if (after)
		after->is_later_image = true;
	for (struct cwr_holder *h = process->holders; h; h = h->next_in_process)
		hand_over(model, h, after);
}

static bool are_images_of_one(const struct cwr_process *a, const struct cwr_process *b)
{
	return a != b && a->pid == b->pid && a->start_ticks == b->start_ticks &&
	       a->pidns == b->pidns && a->session_path && b->session_path;
}

static const struct cwr_fork *find_fork(const struct cwr_process *process, uint32_t seq)
{
	for (size_t i = 0; i < process->nforks; i++)
		if (process->forks[i].seq == seq)
			return &process->forks[i];
	return NULL;
}

/* The child knows when its copies came, the parent knows from which call. */
static void tell_of_fork(const struct cwr_process *child)
{
	const struct cwr_fork *fork = find_fork(child->parent, child->parent_fork_seq);

	if (!fork)
		return;
	for (struct cwr_holder *h = child->holders; h; h = h->next_in_process)
		if (h->via == CWR_VIA_FORK)
			h->via_mark = fork->mark;
}

static void link_pair(struct cwr_process *child, struct cwr_process *parent)
{
	if (child == parent || !child->parent_pid || !child->session_path ||
	    !parent->session_path || !is_child_of(child, parent->pid, parent->t_session))
		return;
	child->parent = parent;
	tell_of_fork(child);
}

void cwr_join_family(struct cwr_model *model, struct cwr_process *process)
{
	for (struct cwr_process *other = model->processes; other; other = other->next) {
		link_pair(process, other);
		link_pair(other, process);
		if (!are_images_of_one(process, other))
			continue;
		if (process->t_session < other->t_session)
			end_by_exec(model, process, other);
		else
			end_by_exec(model, other, process);
	}
	if (process->end == CWR_END_EXEC)
		end_by_exec(model, process, NULL);
}
