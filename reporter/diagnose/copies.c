/* SPDX-License-Identifier: MIT */
/*
 * Copies in other processes, made by fork and kept through exec: somebody closed the socket, which
 * only lowered the kernel's reference count, because somebody else still has a descriptor of it.
 *
 * The rules need to know who was meant to serve the connection.  A correct server that forks also
 * leaves one open copy, in the child that serves; what gives a leaked copy away is that the one who
 * served is done with the socket while the holder never touches it.
 */
#include "diagnose/cause.h"
#include "diagnose/facts.h"
#include "diagnose/index.h"
#include "diagnose/inuse.h"
#include "diagnose/lineage.h"
#include "diagnose/words.h"

/* The process has no number of it open any more that is its own fault. */
static bool is_done(const struct cwr_holder *holder)
{
	return !cwr_fact_open_in(holder->socket, holder->process);
}

static bool has_open(const struct cwr_socket *socket, pid_t pid)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process->pid == pid && cwr_fact_counts(h))
			return true;
	return false;
}

/* The copy of that forked process, or NULL: it may have left no trace. */
static struct cwr_holder *find_copy(const struct cwr_socket *socket, pid_t child)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->via == CWR_VIA_FORK && h->process->pid == child)
			return h;
	return NULL;
}

/* The fork by which the copy came, as a mark; falls back on what is known of the child. */
static struct cwr_mark fork_mark(const struct cwr_holder *owner, const struct cwr_holder *copy)
{
	const struct cwr_fork *fork;

	if (copy->via_mark.t && copy->via_mark.pid == owner->process->pid)
		return copy->via_mark;
	fork = cwr_fact_fork_to(owner->process, copy->process, owner->fork_seq);
	if (!fork)
		fork = cwr_fact_first_fork(owner->process, owner->fork_seq);
	return fork ? fork->mark : copy->via_mark;
}

static void tell_parent_story(struct cwr_case *c, struct cwr_holder *owner, pid_t child,
			      const struct cwr_mark *forked, const struct cwr_holder *copy)
{
	c->blamed = owner;
	c->child = child;
	/* A child without a session has not recorded its own forks, only its parent's is known. */
	if (owner->process == c->socket->creator || forked->pid == owner->process->pid)
		c->evidence[CWR_EV_FORKED] = *forked;
	if (copy) {
		c->evidence[CWR_EV_EOF] = copy->eof;
		c->evidence[CWR_EV_SHUTDOWN] = copy->shutdown;
		c->evidence[CWR_EV_CLOSED_ELSEWHERE] = *cwr_lineage_close(copy);
	}
}

/* That descendant read the end-of-file; the process has not touched the socket since that fork. */
static bool is_left_to(const struct cwr_case *c, const struct cwr_holder *owner,
		       const struct cwr_holder *reader, struct cwr_mark *ret_forked)
{
	if (!reader->eof.t || !cwr_lineage_leads(owner, reader))
		return false;
	*ret_forked = fork_mark(owner, reader);
	/* Times are as coarse as the kernel's tick. */
	return cwr_fact_process_touch(c->socket, owner->process) < ret_forked->t;
}

static bool decide_by_reader(struct cwr_case *c, struct cwr_holder *owner)
{
	struct cwr_mark forked;

	for (struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		if (!is_left_to(c, owner, h, &forked) ||
		    (!is_done(h) && cwr_inuse_find(c->model, c->socket)))
			continue;
		c->confidence = is_done(h) ? CWR_HIGH : CWR_MEDIUM;
		tell_parent_story(c, owner, h->process->pid, &forked, h);
		return true;
	}
	return false;
}

/* Then it was served by a receiver, not by a child. */
static bool was_passed_on(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && h->passed.t)
			return true;
	return false;
}

/*
 * The child executed a program, which has no descriptor of it any more, and somebody took the
 * end-of-file from the queue.  It was not the owner, if that has no stream for it either.
 */
static bool was_read_unseen(const struct cwr_case *c, const struct cwr_holder *owner,
			    const struct cwr_fork *fork)
{
	return fork->executed.t && !has_open(c->socket, fork->child) &&
	       c->socket->eof == CWR_EOF_SWALLOWED && c->socket->has_tcp_bytes &&
	       c->socket->bytes_received && !owner->via_mark.t;
}

/*
 * Nobody was seen to read the end-of-file.  Any helper process inherits the sockets that are open
 * at its fork, so its end proves little: it must be the first one forked after the accept, and the
 * owner must never have used the socket, nor another one of the same kind: then children do not
 * serve.
 */
static bool decide_by_first_child(struct cwr_case *c, struct cwr_holder *owner)
{
	const struct cwr_fork *fork = cwr_fact_first_fork(owner->process, owner->fork_seq);
	struct cwr_holder *copy;

	if (!fork || cwr_fact_process_used(c->socket, owner->process) ||
	    cwr_index_has_used_sibling(c->model, c->socket) ||
	    was_passed_on(c->socket, owner->process))
		return false;
	copy = find_copy(c->socket, fork->child);
	if (copy ? !is_done(copy) : !fork->child_ended && !was_read_unseen(c, owner, fork))
		return false;
	c->confidence = CWR_MEDIUM;
	tell_parent_story(c, owner, fork->child, &fork->mark, copy);
	if (!copy && !fork->child_ended)
		c->evidence[CWR_EV_EXECUTED] = fork->executed;
	return true;
}

/* Those who forked on what they had inherited or been sent: the one furthest up is blamed. */
static bool decide_by_line(struct cwr_case *c, const struct cwr_holder *reader)
{
	const struct cwr_process *process = cwr_lineage_parent(c->socket, reader->process);
	struct cwr_holder *found = NULL;
	struct cwr_mark forked;

	for (int i = 0; process && i < CWR_GENERATIONS_MAX; i++) {
		struct cwr_holder *holder = cwr_fact_open_in(c->socket, process);

		if (holder && is_left_to(c, holder, reader, &forked))
			found = holder;
		process = cwr_lineage_parent(c->socket, process);
	}
	return found && decide_by_reader(c, found);
}

static bool decide_by_any_line(struct cwr_case *c)
{
	for (const struct cwr_holder *h = c->socket->holders; h; h = h->next)
		if (h->eof.t && decide_by_line(c, h))
			return true;
	return false;
}

static bool decide_parent(struct cwr_case *c)
{
	struct cwr_process *creator = c->socket->creator;
	struct cwr_holder *owner = creator ? cwr_fact_open_in(c->socket, creator) : NULL;

	if (owner && (decide_by_reader(c, owner) || decide_by_first_child(c, owner)))
		return true;
	return decide_by_any_line(c);
}

static const char *what_child_did(const struct cwr_finding *f)
{
	if (f->evidence[CWR_EV_CLOSED_ELSEWHERE].t)
		return "the child that served it closed its copy";
	if (f->confidence == CWR_MEDIUM && f->evidence[CWR_EV_EOF].t)
		return "the child that serves it has been told";
	if (f->evidence[CWR_EV_EXECUTED].t)
		return "a program that was executed for it has read its end";
	return "the child that served it ended";
}

static void advise_parent(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *fork = &f->evidence[CWR_EV_FORKED];

	f->explanation = cwr_model_printf(
		model,
		"The peer hung up and %s, but %s %s the descriptor: %s only %s the reference "
		"count, so the kernel never sends FIN.",
		what_child_did(f), cwr_words_blamed(model, f), cwr_words_holds(f),
		f->evidence[CWR_EV_CLOSED_ELSEWHERE].t ? "close()" : "the child's close or end",
		f->evidence[CWR_EV_CLOSED_ELSEWHERE].t ? "dropped" : "drops");
	f->advice = cwr_model_printf(model, "close the %s in the parent after %s%s.",
				     cwr_words_socket(f), cwr_words_call(model, fork, "fork()"),
				     cwr_words_at(model, fork));
}

const struct cwr_cause cwr_cause_parent_kept_copy = {
	.id = "parent-kept-copy",
	.verdict = CWR_LEAK,
	.title = "parent kept its copy after fork",
	.key = CWR_EV_FORKED,
	.decide = decide_parent,
	.advise = advise_parent,
};

/* The owner's descriptor that tells how it parted from the socket: it has no open one. */
static const struct cwr_holder *find_parted_owner(const struct cwr_socket *socket)
{
	const struct cwr_holder *owner = NULL;

	if (!socket->creator || cwr_fact_open_in(socket, socket->creator))
		return NULL;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == socket->creator && (!owner || h->closed.t > owner->closed.t))
			owner = h;
	return owner;
}

/*
 * Forked after the end-of-file was read, it may have been left to do the rest.  A program that was
 * executed knows of no descriptor but the first three, which are judged by themselves.
 */
static bool was_left_rest(const struct cwr_case *c, const struct cwr_holder *reader,
			  const struct cwr_holder *copy)
{
	return copy->via != CWR_VIA_EXEC && cwr_lineage_leads(reader, copy) &&
	       cwr_lineage_came_at(c->model, reader, copy) > reader->eof.t;
}

/*
 * Was it the owner who served the connection, so that its close was meant to be the last one?  It
 * was if it read the end-of-file, or used the socket after the copy was made.
 */
static bool owner_served(const struct cwr_case *c, const struct cwr_holder *copy)
{
	for (const struct cwr_holder *h = c->socket->holders; h; h = h->next) {
		if (h->process != c->socket->creator)
			continue;
		if (h->eof.t ? !was_left_rest(c, h, copy)
			     : copy->via_mark.t && cwr_fact_last_touch(h) > copy->via_mark.t)
			return true;
	}
	return false;
}

/* What a process did through a number that was sent to it is no use of the copy beside. */
static bool has_used_copy(const struct cwr_socket *socket, const struct cwr_process *process)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == process && h->via != CWR_VIA_PASSED &&
		    (cwr_fact_last_touch(h) || h->last_use.op))
			return true;
	return false;
}

/* By this way, or as a duplicate of one that came so. */
static bool came_by(const struct cwr_socket *socket, const struct cwr_holder *holder,
		    enum cwr_via via)
{
	if (holder->via == via || holder->via != CWR_VIA_DUP)
		return holder->via == via;
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process == holder->process && h->via == via)
			return true;
	return false;
}

/* It was forked by a program that was executed with the socket, and still has it. */
static bool comes_from_program(const struct cwr_socket *socket, const struct cwr_holder *copy)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (came_by(socket, h, CWR_VIA_EXEC) && cwr_fact_counts(h) &&
		    cwr_lineage_leads(h, copy))
			return true;
	return false;
}

static struct cwr_holder *find_untouched(const struct cwr_socket *socket, enum cwr_via via)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next)
		if (came_by(socket, h, via) && h->process != socket->creator &&
		    cwr_fact_counts(h) && !has_used_copy(socket, h->process) &&
		    !comes_from_program(socket, h))
			return h;
	return NULL;
}

/* The owner had passed it on, and who received it is done with it; NULL: not so. */
static const struct cwr_holder *find_parted_receiver(const struct cwr_socket *socket)
{
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->via == CWR_VIA_PASSED && h->eof.t && h->closed.t)
			return h;
	return NULL;
}

/* The owner left it to another child, who read the end-of-file and is done with it; NULL: not so.
 */
static const struct cwr_holder *find_parted_child(const struct cwr_case *c,
						  const struct cwr_holder *copy)
{
	for (const struct cwr_holder *h = c->socket->holders; h; h = h->next)
		if (h->via == CWR_VIA_FORK && h->process != copy->process && h->eof.t &&
		    is_done(h) && !cwr_lineage_may_lead(copy, h) && !was_left_rest(c, h, copy))
			return h;
	return NULL;
}

static void tell_owner_story(struct cwr_case *c, const struct cwr_holder *owner,
			     struct cwr_holder *copy)
{
	c->blamed = copy;
	c->child = copy->process->pid;
	c->evidence[CWR_EV_EOF] = owner->eof;
	c->evidence[CWR_EV_CLOSED_ELSEWHERE] = owner->closed;
}

/* The fork that the copy came by; a child without a session has not recorded its own. */
static struct cwr_mark fork_of_copy(const struct cwr_holder *owner, const struct cwr_holder *server,
				    const struct cwr_holder *copy)
{
	struct cwr_mark mark;

	if (server == owner || !cwr_lineage_leads(server, copy))
		return fork_mark(owner, copy);
	mark = fork_mark(server, copy);
	return mark.pid == server->process->pid ? mark : (struct cwr_mark){.fd = -1};
}

static bool decide_child(struct cwr_case *c)
{
	const struct cwr_holder *owner = find_parted_owner(c->socket);
	struct cwr_holder *copy = find_untouched(c->socket, CWR_VIA_FORK);
	const struct cwr_holder *server = owner;

	if (!owner || !copy)
		return false;
	if (!owner_served(c, copy))
		server = find_parted_receiver(c->socket);
	if (!server)
		server = find_parted_child(c, copy);
	if (!server)
		return false;
	tell_owner_story(c, server, copy);
	c->evidence[CWR_EV_FORKED] = fork_of_copy(owner, server, copy);
	c->confidence = server->closed.t ? CWR_HIGH : CWR_MEDIUM;
	return true;
}

static void advise_child(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *fork = &f->evidence[CWR_EV_FORKED];

	f->explanation = cwr_model_printf(
		model,
		"The process that served the connection %s its descriptor, but a child forked "
		"meanwhile, %s, inherited a copy that it never uses: the kernel sends no FIN until "
		"that is closed too. Close-on-exec does not help where nothing is executed.",
		f->evidence[CWR_EV_CLOSED_ELSEWHERE].t ? "closed" : "is gone and with it",
		cwr_words_blamed(model, f));
	f->advice = cwr_model_printf(
		model,
		"close the connections that the child does not serve, in the child after %s%s.",
		cwr_words_call(model, fork, "fork()"), cwr_words_at(model, fork));
}

const struct cwr_cause cwr_cause_child_kept_copy = {
	.id = "child-kept-copy",
	.verdict = CWR_LEAK,
	.title = "child kept a copy that it never uses",
	.key = CWR_EV_FORKED,
	.decide = decide_child,
	.advise = advise_child,
};

/* The program took the place of the owner itself, so there is nobody else to serve it. */
static bool has_replaced(const struct cwr_holder *owner, const struct cwr_holder *copy)
{
	return copy->process->pid == owner->process->pid &&
	       copy->process->start_ticks == owner->process->start_ticks;
}

/* Who made the socket has used it, and the program, of which that would be known, has not. */
static bool is_program_idle(const struct cwr_case *c, const struct cwr_holder *copy)
{
	return copy->process->has_shim && cwr_fact_process_used(c->socket, c->socket->creator);
}

/*
 * A program that was executed with the descriptor open, under a number that it cannot know of.  A
 * program without the shim may use it unseen, so then the owner must have served the connection, or
 * have been replaced by a program that leaves the end-of-file unread.
 */
static bool decide_exec(struct cwr_case *c)
{
	const struct cwr_holder *owner = find_parted_owner(c->socket);
	struct cwr_holder *copy = find_untouched(c->socket, CWR_VIA_EXEC);
	bool is_served;

	if (!owner || !copy || copy->fd <= 2)
		return false;
	is_served = owner_served(c, copy);
	if (!is_served && !is_program_idle(c, copy) &&
	    !(has_replaced(owner, copy) && c->socket->recv_q > 0))
		return false;
	tell_owner_story(c, owner, copy);
	c->evidence[CWR_EV_EXECUTED] = copy->via_mark;
	c->confidence = is_served && copy->is_confirmed ? CWR_HIGH : CWR_MEDIUM;
	return true;
}

static void advise_exec(struct cwr_model *model, struct cwr_finding *f)
{
	const struct cwr_mark *created = &f->evidence[CWR_EV_CREATED];
	const char *who = created->pid == f->process->pid
				  ? "The program that used the socket is gone"
				  : "The owner is done with the socket";

	f->explanation = cwr_model_printf(
		model,
		"%s, but %s (%s) was executed while it was open and inherited descriptor %d: it "
		"was created without close-on-exec.",
		who, cwr_words_blamed(model, f), cwr_words_command(model, f->process),
		f->blamed[0]->fd);
	f->advice = cwr_model_printf(
		model, "create it close-on-exec: accept4() or socket() with SOCK_CLOEXEC%s.",
		cwr_words_at(model, created));
}

const struct cwr_cause cwr_cause_leaked_through_exec = {
	.id = "leaked-through-exec",
	.verdict = CWR_LEAK,
	.title = "leaked into an executed program",
	.key = CWR_EV_CREATED,
	.decide = decide_exec,
	.advise = advise_exec,
};
