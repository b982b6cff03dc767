/* SPDX-License-Identifier: MIT */
/*
 * Small questions to /proc (proc(5)).  A process that goes away while it is asked is as one that
 * is not there.
 */
#ifndef CWR_PROC_H
#define CWR_PROC_H

#include "kernel/census.h"
#include "model/model.h"

#include <time.h>

/* Reads the beginning of /proc/PID/NAME as a string; returns its length, -1: it may not be read. */
ssize_t cwr_proc_read_text(char *text, size_t size, pid_t pid, const char *name);

struct cwr_proc_stat {
	char state; /* R, S, D, Z ... */
	pid_t ppid;
	uint64_t start_ticks; /* since boot */
};

/* False if there is no such process. */
bool cwr_proc_stat(pid_t pid, struct cwr_proc_stat *ret_stat);

/* The program's path; the model's; NULL if it may not be read. */
const char *cwr_proc_exe(struct cwr_model *model, pid_t pid);

/* NULL-terminated; the model's; NULL if it may not be read. */
char **cwr_proc_cmdline(struct cwr_model *model, pid_t pid);

/* For every descriptor of the process: what it is linked to, cut at 63 bytes. */
typedef void cwr_link_visitor(void *context, int fd, const char *link);

/* False and errno if the descriptors may not be read. */
bool cwr_proc_each_link(pid_t pid, cwr_link_visitor *visit, void *context);

/* The inode number in a link "socket:[N]"; 0: it is no socket's. */
uint64_t cwr_proc_inode_in(const char *link);

/* For every process. */
typedef void cwr_pid_visitor(void *context, pid_t pid);
void cwr_proc_each_pid(cwr_pid_visitor *visit, void *context);

/* For every child of the process, and theirs, as far as none between them has ended. */
void cwr_proc_each_descendant(pid_t pid, cwr_pid_visitor *visit, void *context);

/* For every thread of a process. */
typedef void cwr_thread_visitor(void *context, pid_t pid, pid_t tid);
void cwr_proc_each_thread(pid_t pid, cwr_thread_visitor *visit, void *context);

/*
 * What /proc tells of single descriptors: a directory to ask many of them, closed by the caller;
 * -1: they may not be read.
 */
int cwr_proc_open_fdinfo(pid_t pid);

/* 1 or 0: close-on-exec is set or not; -1: not known. */
int cwr_proc_cloexec(int fdinfo, int fd);

/* Fills process->threads. */
void cwr_proc_read_threads(struct cwr_model *model, struct cwr_process *process);

/* A later look at the same threads: sets is_still. */
void cwr_proc_check_threads(struct cwr_process *process);

/* Fills process->watches: epoll sets, and what threads wait for in poll and select. */
void cwr_proc_read_watches(struct cwr_model *model, struct cwr_process *process,
			   const struct cwr_fds *fds);

/* Fills the threads' sleep_s. */
void cwr_proc_read_sleeps(struct cwr_process *process);

/*
 * A piece of the process's memory, by process_vm_readv(2).  False if not all of it can be read,
 * which takes the right to ptrace(2), or if /proc is that of another pid namespace.
 */
bool cwr_proc_read_memory(pid_t pid, uint64_t address, void *to, size_t size);

/* How many descriptors it has open, and its soft limit (RLIMIT_NOFILE); 0: not known. */
uint64_t cwr_proc_count_fds(pid_t pid);
uint64_t cwr_proc_fd_limit(pid_t pid);

/* What a process has mapped of the shim, and what tells its image from others. */
struct cwr_traces {
	bool has_library;
	bool has_session;   /* its own, or that of the process which forked it */
	bool is_refused;    /* it could have none */
	uint64_t stack_top; /* where its stack ends: fork leaves it, exec puts it elsewhere; 0:
			       not seen */
};

/* False if its maps may not be read. */
bool cwr_proc_read_traces(pid_t pid, struct cwr_traces *ret_traces);

/* Has it a file of that name, whatever its directory, mapped?  False if its maps may not be read.
 */
bool cwr_proc_has_mapped(pid_t pid, const char *name);

/*
 * 1: it was executed with more rights than its caller had, so that the loader ignored LD_PRELOAD
 * (AT_SECURE, getauxval(3)); 0: it was not; -1: not known.
 */
int cwr_proc_is_secure(pid_t pid);

/* Has it a ring of io_uring(7) open? */
bool cwr_proc_has_ring(pid_t pid);

/* Is a seccomp filter on?  (Field Seccomp of /proc/PID/status.) */
bool cwr_proc_is_filtered(pid_t pid);

/* How many seccomp filters are on; 0: none, or that is not known (Linux before 5.11). */
unsigned int cwr_proc_count_filters(pid_t pid);

/* Had it a variable with this text in it when it was executed?  False also if that is not known. */
bool cwr_proc_has_in_environment(pid_t pid, const char *text);

/* The clock, in nanoseconds. */
uint64_t cwr_proc_now(clockid_t clock);

/* When a process with these ticks started, CLOCK_MONOTONIC. */
uint64_t cwr_proc_ticks_to_monotonic(uint64_t ticks);

/* Is the descriptor of that process a UDP socket connected to a name server?  False if unknown. */
bool cwr_proc_is_resolver(pid_t pid, int fd);

#endif
