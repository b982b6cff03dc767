/* SPDX-License-Identifier: MIT */
/*
 * Which processes of the model live.  A process number says little, it may have been given to
 * another; number and start time together name a process.
 */
#include "kernel/observer.h"

#include "kernel/proc.h"

#include <string.h>

#define NS_PER_S    1000000000ull
#define NS_PER_TICK 10000000ull /* of start times, proc(5) */

static bool is_running(const struct cwr_proc_stat *stat)
{
	return stat->state != 'Z' && stat->state != 'X';
}

/*
 * A forked child without a session has no start time of its own, but the fork's time is known: it
 * has started within the second around it, or the number is someone else's by now.
 */
static bool started_at_fork(const struct cwr_process *process, const struct cwr_proc_stat *stat)
{
	const struct cwr_process *parent = process->parent;
	const uint64_t started = cwr_proc_ticks_to_monotonic(stat->start_ticks);

	for (size_t i = 0; parent && i < parent->nforks; i++) {
		const struct cwr_fork *fork = &parent->forks[i];

		if (fork->child == process->pid && fork->seq == process->parent_fork_seq)
			return started + NS_PER_S > fork->mark.t &&
			       started < fork->mark.t + NS_PER_S;
	}
	return false;
}

/*
 * Of a descendant over more than one fork only what it did is known, and when: who has its number
 * now, and was there already, is that one.
 */
static bool was_there(const struct cwr_process *process, const struct cwr_proc_stat *stat)
{
	const uint64_t started = cwr_proc_ticks_to_monotonic(stat->start_ticks);

	for (const struct cwr_holder *h = process->holders; h; h = h->next_in_process)
		if ((h->eof.t && started < h->eof.t + NS_PER_TICK) ||
		    (h->closed.t && started < h->closed.t + NS_PER_TICK))
			return true;
	return false;
}

static bool is_same(const struct cwr_process *process, const struct cwr_proc_stat *stat)
{
	if (process->start_ticks)
		return process->start_ticks == stat->start_ticks;
	return started_at_fork(process, stat) || was_there(process, stat);
}

/* An image that records has its session mapped, which no exec leaves (execve(2)). */
static bool has_session_mapped(const struct cwr_process *process)
{
	const char *name = strrchr(process->session_path, '/');

	return cwr_proc_has_mapped(process->pid, name ? name + 1 : process->session_path);
}

/*
 * The image that recorded is gone, though its process lives: an exec that the shim did not see. The
 * program's path alone proves none: its file may have been renamed since, and what runs under an
 * emulator (valgrind, qemu-user) is told its own path while the kernel knows the emulator's.
 */
static bool has_other_image(struct cwr_model *model, const struct cwr_process *process)
{
	const char *exe = cwr_proc_exe(model, process->pid);
	static const char deleted[] = " (deleted)";
	size_t length = process->exe ? strlen(process->exe) : 0;

	if (!exe || !length)
		return false;
	if (!strncmp(exe, process->exe, length) && (!exe[length] || !strcmp(exe + length, deleted)))
		return false;
	return !has_session_mapped(process);
}

/* A child without a session of its own has its parent's mapped, as long as it executes nothing. */
static bool has_lost_session(const struct cwr_process *process)
{
	const struct cwr_process *parent = process->parent;
	struct cwr_traces traces;

	return parent && parent->session_path && !parent->is_in_memory &&
	       cwr_proc_read_traces(process->pid, &traces) && !traces.has_session;
}

static void close_holders(struct cwr_model *model, const struct cwr_process *process)
{
	for (struct cwr_socket *s = model->sockets; s; s = s->next)
		for (struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->process == process)
				h->is_open = false;
}

static void ask(struct cwr_model *model, struct cwr_process *process)
{
	struct cwr_proc_stat stat;

	process->is_alive = process->end != CWR_END_EXEC && !process->is_elsewhere &&
			    cwr_proc_stat(process->pid, &stat) && is_running(&stat) &&
			    is_same(process, &stat);
	if (process->is_alive &&
	    (process->session_path ? has_other_image(model, process) : has_lost_session(process))) {
		process->is_alive = false;
		process->start_ticks = stat.start_ticks;
		process->end = CWR_END_EXEC;
		close_holders(model, process);
	}
	if (!process->is_alive) {
		if (process->end == CWR_END_RUNNING)
			process->end = CWR_END_UNKNOWN;
		return;
	}
	process->start_ticks = stat.start_ticks;
	process->ppid = stat.ppid;
	process->is_exiting = process->t_exit != 0;
	if (process->end == CWR_END_UNKNOWN)
		process->end = CWR_END_RUNNING;
}

/* A child that is gone has ended, whether it could say so or not. */
static void end_forks(struct cwr_process *process)
{
	struct cwr_proc_stat stat;

	for (size_t i = 0; i < process->nforks; i++) {
		struct cwr_fork *fork = &process->forks[i];
		struct cwr_process child = {
			.pid = fork->child,
			.parent = process,
			.parent_fork_seq = fork->seq,
		};

		if (fork->child && !fork->child_ended)
			fork->child_ended = !cwr_proc_stat(fork->child, &stat) ||
					    !is_running(&stat) || !is_same(&child, &stat);
	}
}

void cwr_observe_liveness(struct cwr_observer *observer)
{
	for (struct cwr_process *p = observer->model->processes; p; p = p->next) {
		ask(observer->model, p);
		end_forks(p);
	}
}
