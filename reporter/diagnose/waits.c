/* SPDX-License-Identifier: MIT */
/*
 * Questions on what a process waits for; see waits.h.
 */
#include "diagnose/waits.h"

#include "diagnose/index.h"

#include <stdlib.h>

/* Does this thread, or any if tid is 0, wait on the set? */
static bool is_awaited(const struct cwr_process *process, const struct cwr_watch *watch, pid_t tid)
{
	if (watch->epfd < 0)
		return !tid || watch->tid == tid;
	for (size_t i = 0; i < process->nthreads; i++)
		if (process->threads[i].call == CWR_CALL_EPOLL &&
		    process->threads[i].args[0] == (uint64_t)watch->epfd &&
		    (!tid || process->threads[i].tid == tid))
			return true;
	return false;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Those of poll() and select(), of which no inode is known, come first, by descriptor. */
static int by_inode(const void *left, const void *right)
{
	const struct cwr_watch *a = left, *b = right;

	if (a->inode != b->inode)
		return compare(a->inode, b->inode);
	return a->inode ? 0 : compare((uint64_t)a->fd, (uint64_t)b->fd);
}

void cwr_waits_sort(struct cwr_process *process)
{
	if (process->nwatches)
		qsort(process->watches, process->nwatches, sizeof(*process->watches), by_inode);
}

/* The first watch that is not before this one in that order. */
static size_t find_first(const struct cwr_process *process, const struct cwr_watch *watch)
{
	size_t low = 0, high = process->nwatches;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_inode(&process->watches[middle], watch) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

typedef void watch_visitor(void *context, const struct cwr_watch *watch);

static void each_equal(const struct cwr_process *process, const struct cwr_watch *watch,
		       watch_visitor *visit, void *context)
{
	for (size_t i = find_first(process, watch);
	     i < process->nwatches && by_inode(&process->watches[i], watch) == 0; i++)
		visit(context, &process->watches[i]);
}

/* By inode where both are known, else by number. */
static void each_watch(const struct cwr_socket *socket, const struct cwr_holder *holder,
		       watch_visitor *visit, void *context)
{
	const struct cwr_process *process = holder->process;
	const struct cwr_watch by_number = {.fd = holder->fd};
	const struct cwr_watch by_socket = {.inode = socket->inode};

	if (socket->inode) {
		each_equal(process, &by_number, visit, context);
		each_equal(process, &by_socket, visit, context);
		return;
	}
	for (size_t i = 0; i < process->nwatches; i++)
		if (process->watches[i].fd == holder->fd)
			visit(context, &process->watches[i]);
}

struct question {
	const struct cwr_process *process;
	pid_t tid;
	struct cwr_waiting waiting;
};

static void add_watch(void *context, const struct cwr_watch *watch)
{
	struct question *question = context;
	struct cwr_waiting *waiting = &question->waiting;
	bool has_waiter = is_awaited(question->process, watch, question->tid);
	bool wants = watch->wants_input;

	waiting->sets++;
	waiting->wants_input |= wants;
	waiting->is_edge_triggered |= wants && watch->is_edge_triggered;
	waiting->is_disarmed |= watch->is_disarmed;
	waiting->is_awaited |= has_waiter;
	waiting->is_level_awaited |= has_waiter && wants && !watch->is_edge_triggered;
}

struct cwr_waiting cwr_waits_of(const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	struct question question = {.process = holder->process};

	each_watch(socket, holder, add_watch, &question);
	return question.waiting;
}

bool cwr_waits_is_awaited_by(const struct cwr_socket *socket, const struct cwr_holder *holder,
			     pid_t tid)
{
	struct question question = {.process = holder->process, .tid = tid};

	each_watch(socket, holder, add_watch, &question);
	return question.waiting.is_awaited;
}

bool cwr_waits_are_known(const struct cwr_process *process)
{
	return (process->is_alive || process->t_looked_at) && process->watches_known;
}

const struct cwr_thread *cwr_waits_thread(const struct cwr_process *process, pid_t tid)
{
	for (size_t i = 0; tid && i < process->nthreads; i++)
		if (process->threads[i].tid == tid)
			return &process->threads[i];
	return NULL;
}

bool cwr_waits_in_call(const struct cwr_process *process, int fd)
{
	for (size_t i = 0; i < process->nthreads; i++)
		if (process->threads[i].fd == fd)
			return true;
	return false;
}

/* Is this descriptor of the process a connection that it made itself, to a service it uses? */
static bool is_upstream(const struct cwr_model *model, const struct cwr_process *process, int fd)
{
	const struct cwr_holder *holder = cwr_index_open_at(model, process, fd);

	return holder && holder->socket->role == CWR_ROLE_CONNECTED;
}

bool cwr_waits_is_stuck(const struct cwr_model *model, const struct cwr_process *process,
			const struct cwr_thread *thread)
{
	if (!thread || !thread->is_still)
		return false;
	switch (thread->call) {
	case CWR_CALL_LOCK:
	case CWR_CALL_SEND:
	case CWR_CALL_CONNECT:
	case CWR_CALL_FILE:
		return true;
	case CWR_CALL_RECEIVE:
		return is_upstream(model, process, thread->fd);
	case CWR_CALL_POLL: /* with a timeout, before a read */
		return thread->npolled == 1 &&
		       (thread->asks_resolver || is_upstream(model, process, thread->polled_fd));
	default:
		return false;
	}
}

/* What a housekeeper sleeps between two rounds is seldom that long. */
enum { LONG_SLEEP_S = 10 };

bool cwr_waits_is_held_up(const struct cwr_process *process, const struct cwr_thread *thread)
{
	if (!thread || !thread->is_still || thread->tid == process->pid)
		return false;
	return thread->call == CWR_CALL_CHILD ||
	       (thread->call == CWR_CALL_SLEEP && thread->sleep_s >= LONG_SLEEP_S);
}

bool cwr_waits_is_sending(const struct cwr_thread *thread)
{
	return thread->call == CWR_CALL_SEND;
}

bool cwr_waits_is_polling(const struct cwr_thread *thread)
{
	return thread->call == CWR_CALL_EPOLL || thread->call == CWR_CALL_POLL;
}

const char *cwr_waits_words(const struct cwr_thread *thread)
{
	static const char *const words[] = {
		[CWR_CALL_SEND] = "is blocked in sending elsewhere",
		[CWR_CALL_RECEIVE] = "waits for the answer of another server",
		[CWR_CALL_CONNECT] = "is blocked in connect()",
		[CWR_CALL_LOCK] = "waits for a lock",
		[CWR_CALL_FILE] = "waits for a file",
		[CWR_CALL_POLL] = "waits for the answer of another server",
		[CWR_CALL_SLEEP] = "sleeps",
		[CWR_CALL_CHILD] = "waits for a child process to end",
	};

	if (thread->asks_resolver)
		return "waits for a name server";
	return thread->call <= CWR_CALL_CHILD && words[thread->call] ? words[thread->call]
								     : "is stuck";
}

const char *cwr_waits_now(const struct cwr_thread *thread)
{
	static const char *const words[] = {
		[CWR_CALL_SEND] = ", which now is in sending elsewhere",
		[CWR_CALL_RECEIVE] = ", which now is in a read of another descriptor",
		[CWR_CALL_CONNECT] = ", which now is in connect()",
		[CWR_CALL_LOCK] = ", which now waits for a lock",
		[CWR_CALL_FILE] = ", which now waits for a file",
		[CWR_CALL_EPOLL] = ", which now waits in epoll_wait()",
		[CWR_CALL_POLL] = ", which now waits in poll() or select()",
		[CWR_CALL_FUTEX] = ", which now waits for a lock, or for work (both by futex())",
		[CWR_CALL_SLEEP] = ", which now sleeps",
		[CWR_CALL_CHILD] = ", which now waits for a child process",
	};

	if (!thread->known)
		return "";
	if (thread->is_computing)
		return ", which now computes";
	return thread->call <= CWR_CALL_CHILD && words[thread->call] ? words[thread->call] : "";
}
