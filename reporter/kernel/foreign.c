/* SPDX-License-Identifier: MIT */
/*
 * Holders that no session knows: processes without the shim or without a session, and sockets that
 * came about outside the shim's view.  Found by inode number in the descriptors of every process
 * that may be looked at.  Such numbers are given again after 2^32 others (get_next_ino() of the
 * kernel's fs/inode.c), whoever has the first one still: the cookie is asked, too.
 */
#include "kernel/observer.h"

#include "kernel/proc.h"
#include "model/map.h"

#include <string.h>
#include <unistd.h>

enum { GENERATIONS = 64, TICK_NS = 10000000 /* of start times */ };

struct search {
	struct cwr_observer *observer;
	struct cwr_process *process; /* whose descriptors are looked at; foreigners: once known */
	struct cwr_map sockets;	     /* foreigners: those that are looked for, by inode */
	const struct cwr_fds *fds;
};

typedef void socket_visitor(struct search *search, int fd, uint64_t inode);

static void each_socket(struct search *search, pid_t pid, socket_visitor *visit)
{
	search->fds = cwr_census_of(search->observer->census, pid);
	for (size_t i = 0; i < search->fds->nsockets; i++)
		visit(search, search->fds->sockets[i].fd, search->fds->sockets[i].inode);
}

/* By all that can be known: not every descriptor may be asked. */
static bool is_it(const struct search *search, int fd, uint64_t cookie)
{
	return cwr_census_ask(search->observer->census, search->fds->pid, fd, cookie, NULL) !=
	       CWR_IS_OTHER;
}

static struct cwr_holder *add_confirmed(struct cwr_model *model, struct cwr_socket *socket,
					struct cwr_process *process, int fd)
{
	struct cwr_holder *holder = cwr_model_add_holder(model, socket, process, fd);

	holder->is_open = holder->is_confirmed = true;
	return holder;
}

/* The image that this process had when the socket was recorded there, or NULL. */
static const struct cwr_process *image_before(const struct cwr_socket *socket,
					      const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process != process && h->process->pid == process->pid &&
		    h->process->start_ticks == process->start_ticks)
			return h->process;
	return NULL;
}

/* --- Sockets that a process of ours holds and its session does not know. --- */

/* A session does not know what came through an exec until the shim has looked at all descriptors.
 */
static void add_unknown(struct cwr_model *model, struct cwr_socket *socket,
			struct cwr_process *process, int fd)
{
	struct cwr_holder *holder = add_confirmed(model, socket, process, fd);
	const struct cwr_process *before = image_before(socket, process);

	if (!before)
		return;
	holder->via = CWR_VIA_EXEC;
	holder->via_mark = before->executed;
}

static void visit_unknown(struct search *search, int fd, uint64_t inode)
{
	struct cwr_model *model = search->observer->model;
	const struct cwr_diag_row *row = cwr_diag_by_inode(search->observer->diag, inode);
	struct cwr_socket *socket;

	if (!row || !cwr_tcp_fin_seen(row->state))
		return;
	socket = cwr_model_find_socket(model, row->cookie);
	if ((socket && cwr_model_find_holder(model, socket, search->process, fd)) ||
	    !is_it(search, fd, row->cookie))
		return;
	if (!socket) {
		socket = cwr_model_add_socket(model, row->cookie);
		socket->inode = inode;
		socket->local = row->local;
		socket->peer = row->peer;
	}
	add_unknown(model, socket, search->process, fd);
}

void cwr_observe_unknowns(struct cwr_observer *observer)
{
	struct search search = {.observer = observer};

	for (struct cwr_process *p = observer->model->processes; p; p = p->next) {
		search.process = p;
		if (p->is_alive && p->session_path)
			each_socket(&search, p->pid, visit_unknown);
	}
}

/* --- Processes that hold sockets of ours. --- */

/* The fork of a process of ours that made this one, started at t; NULL: none that is on record. */
static const struct cwr_fork *find_fork(const struct cwr_process *parent, pid_t pid)
{
	for (size_t i = parent->nforks; i-- > 0;)
		if (parent->forks[i].child == pid && !parent->forks[i].child_ended)
			return &parent->forks[i];
	return NULL;
}

static void link_with_parent(struct cwr_model *model, struct cwr_process *process)
{
	for (struct cwr_process *p = model->processes; p && !process->parent; p = p->next) {
		const struct cwr_fork *fork = p == process ? NULL : find_fork(p, process->pid);

		if (!fork)
			continue;
		process->parent = p;
		process->parent_fork_seq = fork->seq;
	}
}

static bool is_same_program(const struct cwr_process *a, const struct cwr_process *b)
{
	return a->exe && b->exe && !strcmp(a->exe, b->exe);
}

/* Calls whose child shares its parent's memory until it has executed something. */
static bool is_start_of_program(const char *op)
{
	return op && (strstr(op, "vfork") || strstr(op, "posix_spawn"));
}

/* A child that was seen to execute something, or had to, be it the same program again. */
static bool has_executed(const struct cwr_process *process)
{
	const struct cwr_fork *fork =
		process->parent ? find_fork(process->parent, process->pid) : NULL;

	return fork && (fork->executed.t || is_start_of_program(fork->mark.op));
}

static void read_memory(struct cwr_model *model, struct cwr_process *process)
{
	struct cwr_traces traces;

	if (!cwr_proc_read_traces(process->pid, &traces)) {
		/* The shim is in a forked child as long as it has not executed another program. */
		process->has_shim = process->parent && is_same_program(process, process->parent) &&
				    !has_executed(process);
		return; /* what may not be looked at is not said to lack it */
	}
	process->has_shim = traces.has_library;
	process->origin = traces.has_session ? CWR_ORIGIN_FORKED : CWR_ORIGIN_EXECUTED;
	if (!traces.has_library)
		cwr_model_add_limit(
			model, process,
			"it runs without the library: what it does with its descriptors "
			"is not recorded");
}

static struct cwr_process *add_process(struct cwr_model *model, pid_t pid,
				       const struct cwr_proc_stat *stat)
{
	struct cwr_process *process = cwr_model_add_process(model, pid);
	const uint64_t started = cwr_proc_ticks_to_monotonic(stat->start_ticks);

	process->ppid = stat->ppid;
	process->start_ticks = stat->start_ticks;
	process->exe = cwr_proc_exe(model, pid);
	process->cmdline = cwr_proc_cmdline(model, pid);
	process->started_real_ns = model->now_real_ns - (int64_t)(model->now - started);
	process->is_alive = true;
	link_with_parent(model, process);
	read_memory(model, process);
	return process;
}

struct cwr_process *cwr_observe_process(struct cwr_model *model, pid_t pid)
{
	struct cwr_process *process = cwr_model_find_process(model, pid);
	struct cwr_proc_stat stat;

	if (process && process->is_alive)
		return process;
	if (!cwr_proc_stat(pid, &stat))
		return NULL;
	return add_process(model, pid, &stat);
}

/* Is one of the socket's holders an ancestor of this process, or was it this process's number? */
static bool descends_from_holder(const struct cwr_socket *socket, const struct cwr_process *process)
{
	struct cwr_proc_stat stat = {.ppid = process->pid};

	for (int i = 0; i < GENERATIONS && stat.ppid > 1; i++) {
		for (const struct cwr_holder *h = socket->holders; h; h = h->next)
			if (h->process != process && h->process->pid == stat.ppid)
				return true;
		if (!cwr_proc_stat(stat.ppid, &stat))
			break;
	}
	return false;
}

/* Not that of another one who was executed with it. */
static bool is_program_of_holder(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process != process && h->via != CWR_VIA_EXEC &&
		    is_same_program(h->process, process))
			return true;
	return false;
}

static bool was_passed(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->passed.t || h->via == CWR_VIA_PASSED)
			return true;
	return false;
}

/*
 * The parents between may be gone, as the shell is that started a program in the background.  But a
 * socket that was sent to nobody can only have been inherited by a process younger than itself.
 */
static bool is_younger_heir(const struct cwr_socket *socket, const struct cwr_process *process)
{
	return socket->creator && socket->created.t && !was_passed(socket) &&
	       cwr_proc_ticks_to_monotonic(process->start_ticks) + TICK_NS > socket->created.t;
}

/* Where addresses are random (randomize_va_space, proc(5)) two that were executed differ. */
static bool is_same_image(const struct cwr_process *a, const struct cwr_process *b)
{
	struct cwr_traces one, other;

	return is_same_program(a, b) && cwr_proc_read_traces(a->pid, &one) &&
	       cwr_proc_read_traces(b->pid, &other) && one.stack_top == other.stack_top;
}

/* Its parent was executed with the socket, and it was forked there. */
static bool is_child_of_program(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->via == CWR_VIA_EXEC && h->process->is_alive &&
		    h->process->pid == process->ppid && is_same_image(h->process, process))
			return true;
	return false;
}

/* Where there is a session in a file, a forked child has it mapped. */
static bool must_have_executed(const struct cwr_socket *socket, const struct cwr_process *process)
{
	return process->origin == CWR_ORIGIN_EXECUTED && socket->creator &&
	       socket->creator->session_path && !socket->creator->is_in_memory;
}

/* A copy in a descendant came by fork; if another program runs there now, an exec came after. */
static enum cwr_via guess_via(const struct cwr_socket *socket, const struct cwr_process *process)
{
	if (image_before(socket, process) || has_executed(process))
		return CWR_VIA_EXEC;
	if (process->origin == CWR_ORIGIN_FORKED) /* who is sent a socket has a session */
		return CWR_VIA_FORK;
	if (!process->parent && !descends_from_holder(socket, process) &&
	    !is_younger_heir(socket, process))
		return CWR_VIA_UNKNOWN;
	if (is_child_of_program(socket, process))
		return CWR_VIA_FORK;
	if (must_have_executed(socket, process))
		return CWR_VIA_EXEC;
	return is_program_of_holder(socket, process) ? CWR_VIA_FORK : CWR_VIA_EXEC;
}

/* Its child is not known, as system() and popen() do not tell, or it has ended. */
static bool may_be_origin(const struct cwr_fork *fork, uint32_t seq, uint64_t started)
{
	return fork->seq > seq && fork->mark.t <= started + TICK_NS &&
	       (!fork->child || fork->child_ended);
}

/*
 * The fork of the socket's creator that a program comes from whose parent has ended: by a shell of
 * system(), or by forking twice.  Where several may be meant they must be of one place.  NULL: not
 * known.
 */
static const struct cwr_fork *find_origin(const struct cwr_socket *socket,
					  const struct cwr_process *process)
{
	const struct cwr_process *creator = socket->creator;
	uint64_t started = cwr_proc_ticks_to_monotonic(process->start_ticks);
	const struct cwr_fork *found = NULL;

	for (size_t i = 0; creator && i < creator->nforks; i++) {
		const struct cwr_fork *fork = &creator->forks[i];

		if (!may_be_origin(fork, socket->holders->fork_seq, started))
			continue;
		if (found && found->mark.stack != fork->mark.stack)
			return NULL;
		found = fork;
	}
	return found;
}

/* How a process came by the socket that was itself executed with it; NULL: it was not, or nobody
 * knows. */
static const struct cwr_mark *way_of_program(const struct cwr_socket *socket,
					     const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; process && h; h = h->next)
		if (h->process == process && h->via == CWR_VIA_EXEC && h->via_mark.t)
			return &h->via_mark;
	return NULL;
}

/*
 * The call that the copy came by.  A program that was executed by the child of a fork is told by
 * the exec; one that a single call started, as posix_spawn() does, by that.
 */
static struct cwr_mark way_of(const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	const struct cwr_process *process = holder->process;
	const struct cwr_process *before = image_before(socket, process);
	const struct cwr_fork *fork =
		process->parent ? find_fork(process->parent, process->pid) : NULL;
	const struct cwr_mark *first = way_of_program(socket, process->parent);

	if (before && before->executed.t)
		return before->executed;
	if (holder->via == CWR_VIA_EXEC && first) /* a shell, which executed what it was told to */
		return *first;
	if (!fork && holder->via == CWR_VIA_EXEC)
		fork = find_origin(socket, process);
	if (!fork)
		return holder->via_mark;
	return holder->via == CWR_VIA_EXEC && fork->executed.t ? fork->executed : fork->mark;
}

/* A fork keeps the numbers.  One that nobody else ever had for the socket was made afterwards. */
static bool is_own_number(const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process != holder->process && h->fd == holder->fd)
			return false;
	return true;
}

static void add_foreigner(struct cwr_model *model, struct cwr_socket *socket,
			  struct cwr_process *process, int fd)
{
	struct cwr_holder *holder = add_confirmed(model, socket, process, fd);

	holder->via = guess_via(socket, process);
	if (holder->via == CWR_VIA_FORK && is_own_number(socket, holder)) {
		const struct cwr_fork *fork =
			process->parent ? find_fork(process->parent, process->pid) : NULL;

		holder->via = CWR_VIA_DUP;
		if (fork)
			holder->via_mark = fork->duplicated;
		return;
	}
	if (holder->via != CWR_VIA_UNKNOWN)
		holder->via_mark = way_of(socket, holder);
}

/*
 * A program that uses what it was executed with has a session, which does not tell by which call it
 * was executed.
 */
static void explain_program(struct cwr_model *model, struct cwr_holder *holder)
{
	struct cwr_process *process = holder->process;

	if (holder->via != CWR_VIA_EXEC || holder->via_mark.t || !process->session_path)
		return;
	if (!process->parent)
		link_with_parent(model, process);
	holder->via_mark = way_of(holder->socket, holder);
}

static void explain_programs(struct cwr_model *model)
{
	for (struct cwr_process *p = model->processes; p; p = p->next)
		for (struct cwr_holder *h = p->holders; h; h = h->next_in_process)
			explain_program(model, h);
}

static void visit_foreign(struct search *search, int fd, uint64_t inode)
{
	struct cwr_model *model = search->observer->model;
	struct cwr_socket *socket = cwr_map_find(&search->sockets, inode);

	if (!socket)
		return;
	if (!search->process)
		search->process = cwr_observe_process(model, search->fds->pid);
	if (search->process && !cwr_model_find_holder(model, socket, search->process, fd) &&
	    is_it(search, fd, socket->cookie))
		add_foreigner(model, socket, search->process, fd);
}

static void visit_pid(void *context, pid_t pid)
{
	struct search *search = context;

	search->process = NULL;
	if (pid != getpid())
		each_socket(search, pid, visit_foreign);
}

static void index_inodes(struct search *search)
{
	for (struct cwr_socket *s = search->observer->model->sockets; s; s = s->next)
		if (s->inode)
			cwr_map_put(&search->sockets, s->inode, s);
}

void cwr_observe_foreigners(struct cwr_observer *observer)
{
	struct search search = {.observer = observer};

	index_inodes(&search);
	explain_programs(observer->model);
	if (search.sockets.n)
		cwr_proc_each_pid(visit_pid, &search);
	cwr_map_free(&search.sockets);
}
