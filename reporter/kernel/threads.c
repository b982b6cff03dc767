/* SPDX-License-Identifier: MIT */
/*
 * What each thread of a process is blocked in, and on which descriptor.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <string.h>
#include <sys/syscall.h>

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

/* The line is "running", "-1 SP PC", or the call's number and its arguments. */
static void read_syscall(struct cwr_thread *thread, pid_t pid)
{
	char name[64], line[256];
	unsigned long first;

	thread->syscall = thread->fd = -1;
	snprintf(name, sizeof(name), "task/%d/syscall", thread->tid);
	if (cwr_proc_read_text(line, sizeof(line), pid, name) <= 0)
		return;
	thread->known = true;
	if (sscanf(line, "%ld %lx", &thread->syscall, &first) == 2 && takes_fd(thread->syscall))
		thread->fd = (int)first;
}

static const char *read_wchan(struct cwr_model *model, pid_t pid, pid_t tid)
{
	char name[64], wchan[128];

	snprintf(name, sizeof(name), "task/%d/wchan", tid);
	if (cwr_proc_read_text(wchan, sizeof(wchan), pid, name) <= 0 || !strcmp(wchan, "0"))
		return NULL;
	return cwr_model_strdup(model, wchan);
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
		thread->wchan = read_wchan(model, process->pid, thread->tid);
		process->nthreads++;
	}
}
