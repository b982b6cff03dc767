/* SPDX-License-Identifier: MIT */
/*
 * Questions on what a process waits for; see waits.h.
 */
#include "diagnose/waits.h"

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

static bool is_watch_of(const struct cwr_watch *watch, const struct cwr_socket *socket,
			const struct cwr_holder *holder)
{
	return watch->inode && socket->inode ? watch->inode == socket->inode
					     : watch->fd == holder->fd;
}

struct cwr_waiting cwr_waits_of(const struct cwr_socket *socket, const struct cwr_holder *holder)
{
	const struct cwr_process *process = holder->process;
	struct cwr_waiting waiting = {0};

	for (size_t i = 0; i < process->nwatches; i++) {
		const struct cwr_watch *watch = &process->watches[i];
		bool has_waiter, wants = watch->wants_input;

		if (!is_watch_of(watch, socket, holder))
			continue;
		has_waiter = is_awaited(process, watch, 0);
		waiting.sets++;
		waiting.wants_input |= wants;
		waiting.is_edge_triggered |= wants && watch->is_edge_triggered;
		waiting.is_disarmed |= watch->is_disarmed;
		waiting.is_awaited |= has_waiter;
		waiting.is_level_awaited |= has_waiter && wants && !watch->is_edge_triggered;
	}
	return waiting;
}

bool cwr_waits_is_awaited_by(const struct cwr_socket *socket, const struct cwr_holder *holder,
			     pid_t tid)
{
	const struct cwr_process *process = holder->process;

	for (size_t i = 0; i < process->nwatches; i++)
		if (is_watch_of(&process->watches[i], socket, holder) &&
		    is_awaited(process, &process->watches[i], tid))
			return true;
	return false;
}

bool cwr_waits_are_known(const struct cwr_process *process)
{
	return process->is_alive && process->watches_known;
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
	for (const struct cwr_socket *s = model->sockets; s; s = s->next)
		for (const struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->process == process && h->fd == fd && h->is_open)
				return s->role == CWR_ROLE_CONNECTED;
	return false;
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
	default:
		return false;
	}
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
	};

	return thread->call <= CWR_CALL_FILE && words[thread->call] ? words[thread->call]
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
	};

	if (!thread->known)
		return "";
	if (thread->is_computing)
		return ", which now computes";
	return thread->call <= CWR_CALL_POLL && words[thread->call] ? words[thread->call] : "";
}
