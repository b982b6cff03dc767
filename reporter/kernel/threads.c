/* SPDX-License-Identifier: MIT */
/*
 * What each thread of a process is blocked in, and on which descriptor.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <inttypes.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* Calls in which threads wait whose first argument is a descriptor. */
static const long waits_on_fd[] = {
	SYS_read,	SYS_write,	 SYS_readv,   SYS_writev,   SYS_recvfrom,
	SYS_sendto,	SYS_recvmsg,	 SYS_sendmsg, SYS_recvmmsg, SYS_sendmmsg,
	SYS_accept,	SYS_accept4,	 SYS_connect, SYS_splice,   SYS_sendfile,
	SYS_pread64,	SYS_epoll_pwait, SYS_fcntl,   SYS_flock,    SYS_fsync,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
};

static bool takes_fd(long syscall)
{
	for (size_t i = 0; i < sizeof(waits_on_fd) / sizeof(waits_on_fd[0]); i++)
		if (waits_on_fd[i] == syscall)
			return true;
	return false;
}

static const struct {
	long syscall;
	enum cwr_call call;
} sorts[] = {
	{SYS_write, CWR_CALL_SEND},
	{SYS_writev, CWR_CALL_SEND},
	{SYS_sendto, CWR_CALL_SEND},
	{SYS_sendmsg, CWR_CALL_SEND},
	{SYS_sendmmsg, CWR_CALL_SEND},
	{SYS_sendfile, CWR_CALL_SEND},
	{SYS_read, CWR_CALL_RECEIVE},
	{SYS_readv, CWR_CALL_RECEIVE},
	{SYS_recvfrom, CWR_CALL_RECEIVE},
	{SYS_recvmsg, CWR_CALL_RECEIVE},
	{SYS_connect, CWR_CALL_CONNECT},
	{SYS_flock, CWR_CALL_FILE},
	{SYS_fsync, CWR_CALL_FILE},
	{SYS_fdatasync, CWR_CALL_FILE},
	{SYS_fcntl, CWR_CALL_FILE},  /* only F_SETLKW and F_OFD_SETLKW wait (fcntl(2)) */
	{SYS_openat, CWR_CALL_FILE}, /* a FIFO without its other end, a server that is gone */
	{SYS_epoll_pwait, CWR_CALL_EPOLL},
	{SYS_ppoll, CWR_CALL_POLL},
	{SYS_pselect6, CWR_CALL_POLL},
	{SYS_nanosleep, CWR_CALL_SLEEP},
	{SYS_clock_nanosleep, CWR_CALL_SLEEP},
	{SYS_wait4, CWR_CALL_CHILD},
	{SYS_waitid, CWR_CALL_CHILD},
#ifdef SYS_epoll_wait
	{SYS_epoll_wait, CWR_CALL_EPOLL},
#endif
#ifdef SYS_epoll_pwait2
	{SYS_epoll_pwait2, CWR_CALL_EPOLL},
#endif
#ifdef SYS_open
	{SYS_open, CWR_CALL_FILE},
#endif
#ifdef SYS_poll
	{SYS_poll, CWR_CALL_POLL},
#endif
#ifdef SYS_select
	{SYS_select, CWR_CALL_POLL},
#endif
};

/*
 * glibc's mutexes (lowlevellock.h) wait for the value 2; all else there waits by FUTEX_WAIT_BITSET.
 * Those with priority inheritance are the kernel's (futex(2)).
 */
static bool is_mutex(const struct cwr_thread *thread)
{
	const uint64_t command = thread->args[1] & FUTEX_CMD_MASK;

	return (command == FUTEX_WAIT && thread->args[2] == 2) || command == FUTEX_LOCK_PI ||
	       command == FUTEX_LOCK_PI2;
}

static enum cwr_call sort_of(const struct cwr_thread *thread)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++)
		if (sorts[i].syscall == thread->syscall)
			return sorts[i].call;
	if (thread->syscall != SYS_futex)
		return CWR_CALL_OTHER;
	return is_mutex(thread) ? CWR_CALL_LOCK : CWR_CALL_FUTEX;
}

enum { WCHAN_ROOM = 128, CLOCKS = 16 };

/* Where in the kernel the thread sleeps; "" if that is not told. */
static void read_wchan(char wchan[WCHAN_ROOM], pid_t pid, pid_t tid)
{
	char name[64];

	snprintf(name, sizeof(name), "task/%d/wchan", tid);
	if (cwr_proc_read_text(wchan, WCHAN_ROOM, pid, name) <= 0 || !strcmp(wchan, "0"))
		wchan[0] = '\0';
}

/*
 * A thread that was stopped and continued, or looked at by a debugger, has gone back into its call
 * under another number, with the same arguments (restart_syscall(2)).  Poll, futex and the two
 * sleeps do so (fs/select.c, kernel/futex/waitwake.c, kernel/time/hrtimer.c); of the sleeps one has
 * a clock for its first argument, a small number, and the other an address.
 */
static long call_before(const struct cwr_thread *thread, pid_t pid)
{
	char wchan[WCHAN_ROOM];

	read_wchan(wchan, pid, thread->tid);
	if (!wchan[0])
		return SYS_restart_syscall;
	if (strstr(wchan, "futex"))
		return SYS_futex;
#ifdef SYS_poll
	if (strstr(wchan, "poll"))
		return SYS_poll;
#endif
	return thread->args[0] < CLOCKS ? SYS_clock_nanosleep : SYS_nanosleep;
}

/* The line is "running", "-1 SP PC", or the call's number and its arguments. */
static void read_syscall(struct cwr_thread *thread, pid_t pid)
{
	char name[64], line[256];
	uint64_t *args = thread->args;

	thread->syscall = thread->fd = -1;
	snprintf(name, sizeof(name), "task/%d/syscall", thread->tid);
	if (cwr_proc_read_text(line, sizeof(line), pid, name) <= 0)
		return;
	thread->known = true;
	if (sscanf(line, "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
		   &thread->syscall, &args[0], &args[1], &args[2], &args[3], &args[4],
		   &args[5]) == 7) {
		if (thread->syscall == SYS_restart_syscall)
			thread->syscall = call_before(thread, pid);
		if (takes_fd(thread->syscall))
			thread->fd = (int)args[0];
	}
	thread->call = sort_of(thread);
}

static uint64_t read_switches(pid_t pid, pid_t tid)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char name[64], text[4096];
	const char *at;

	snprintf(name, sizeof(name), "task/%d/status", tid);
	if (cwr_proc_read_text(text, sizeof(text), pid, name) <= 0)
		return 0;
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* utime and stime, fields 14 and 15 of proc(5)'s stat; the name before them may contain anything.
 */
static void read_ticks(struct cwr_thread *thread, pid_t pid)
{
	char name[64], text[512];
	const char *at;

	snprintf(name, sizeof(name), "task/%d/stat", thread->tid);
	if (cwr_proc_read_text(text, sizeof(text), pid, name) <= 0)
		return;
	at = strrchr(text, ')');
	if (at)
		sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
		       &thread->user_ticks, &thread->kernel_ticks);
}

static size_t count_tasks(DIR *dir)
{
	size_t n = 0;

	while (readdir(dir))
		n++;
	rewinddir(dir);
	return n;
}

void cwr_proc_read_threads(struct cwr_model *model, struct cwr_process *process)
{
	char path[64];
	char wchan[WCHAN_ROOM];
	const struct dirent *entry;
	size_t room;

	snprintf(path, sizeof(path), "/proc/%d/task", process->pid);
	CWR_AUTO_CLOSEDIR DIR *dir = opendir(path);

	if (!dir)
		return;
	room = count_tasks(dir);
	process->threads = cwr_model_alloc(model, room * sizeof(*process->threads));
	process->nthreads = 0;
	while ((entry = readdir(dir)) && process->nthreads < room) {
		struct cwr_thread *thread = &process->threads[process->nthreads];

		thread->tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (thread->tid <= 0)
			continue;
		read_syscall(thread, process->pid);
		read_wchan(wchan, process->pid, thread->tid);
		thread->wchan = wchan[0] ? cwr_model_strdup(model, wchan) : NULL;
		thread->switches = read_switches(process->pid, thread->tid);
		read_ticks(thread, process->pid);
		process->nthreads++;
	}
}

enum { COMPUTING_TICKS = 5, CALLS_SHARE = 20 };

/*
 * A loop that polls and finds the same socket ready again and again is never seen in its call
 * either, but it spends much of its time in the kernel.
 */
static bool is_computing(const struct cwr_thread *before, const struct cwr_thread *now)
{
	uint64_t user = now->user_ticks - before->user_ticks;
	uint64_t kernel = now->kernel_ticks - before->kernel_ticks;

	return before->syscall < 0 && now->syscall < 0 && user >= COMPUTING_TICKS &&
	       kernel * CALLS_SHARE <= user;
}

/* A thread that has not once given up the processor since has not left its call. */
static void check_thread(struct cwr_thread *before, pid_t pid)
{
	struct cwr_thread now = {.tid = before->tid};
	bool has_slept;

	if (!before->known)
		return;
	read_syscall(&now, pid);
	read_ticks(&now, pid);
	has_slept = read_switches(pid, now.tid) != before->switches;
	if (before->syscall < 0)
		before->is_computing = now.known && !has_slept && is_computing(before, &now);
	else
		before->is_still = before->switches && !has_slept &&
				   now.syscall == before->syscall && now.args[0] == before->args[0];
}

void cwr_proc_check_threads(struct cwr_process *process)
{
	for (size_t i = 0; i < process->nthreads; i++)
		check_thread(&process->threads[i], process->pid);
}
