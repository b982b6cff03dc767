/* SPDX-License-Identifier: MIT */
/*
 * How long a sleeping thread wants to sleep: the time lies in its memory.  A loop that looks for
 * work now and then asks for little; who asks for long in the middle of its work is not getting on
 * with it.
 */
#include "kernel/pidns.h"
#include "kernel/proc.h"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

bool cwr_proc_read_memory(pid_t pid, uint64_t address, void *to, size_t size)
{
	struct iovec local = {to, size};
	struct iovec remote = {(void *)(uintptr_t)address, size};

	return cwr_pidns_is_proc_ours() &&
	       process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static double seconds(const struct timespec *time)
{
	return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

static double now_of(clockid_t clock)
{
	struct timespec now;

	return clock_gettime(clock, &now) == 0 ? seconds(&now) : 0;
}

/* clock_nanosleep(2) may be told an instant; of that only what is left can be known. */
static double asked_for(pid_t pid, const struct cwr_thread *thread)
{
	bool has_clock = thread->syscall == SYS_clock_nanosleep;
	bool is_instant = has_clock && thread->args[1] & TIMER_ABSTIME;
	clockid_t clock = (clockid_t)thread->args[0];
	struct timespec time;

	if (!cwr_proc_read_memory(pid, thread->args[has_clock ? 2 : 0], &time, sizeof(time)))
		return 0;
	if (!is_instant)
		return seconds(&time);
	return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ? seconds(&time) - now_of(clock)
								   : 0;
}

void cwr_proc_read_sleeps(struct cwr_process *process)
{
	for (size_t i = 0; i < process->nthreads; i++) {
		struct cwr_thread *thread = &process->threads[i];

		if (thread->known && thread->call == CWR_CALL_SLEEP)
			thread->sleep_s = asked_for(process->pid, thread);
	}
}
