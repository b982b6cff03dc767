/* SPDX-License-Identifier: MIT */
/*
 * Processes come.  Each way to make one is a fork of its own number, so that the record says which
 * sockets it was handed and from where.
 */
#include <errno.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "core/thread.h"
#include "track/forks.h"

#include "core/poison.h"

CW_EXPORT pid_t __fork(void);
CW_EXPORT int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

CW_EXPORT pid_t fork(void)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_fork);

	return cw_on_fork(&ticket, CW_REAL(fork)());
}

CW_EXPORT pid_t __fork(void)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN___fork);

	return cw_on_fork(&ticket, CW_REAL(__fork)());
}

CW_EXPORT pid_t _Fork(void)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN__Fork);

	return cw_on_fork(&ticket, CW_REAL(_Fork)());
}

CW_EXPORT int forkpty(int *master, char *name, const struct termios *termios,
		      const struct winsize *size)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_forkpty);

	return cw_on_fork(&ticket, CW_REAL(forkpty)(master, name, termios, size));
}

/* The parent ends inside; who returns with 0 is the child. */
CW_EXPORT int daemon(int nochdir, int noclose)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_daemon);

	return cw_on_fork(&ticket, CW_REAL(daemon)(nochdir, noclose));
}

struct start {
	int (*function)(void *);
	void *argument;
};

/*
 * In a child with memory of its own: the first thing is to know what it is, since a read of a
 * socket that it was handed is recorded without asking.  It leaves no frame behind.
 */
static int start_child(void *argument)
{
	const struct start *start = argument;

	cw_forks_check();
	return start->function(start->argument);
}

static int on_clone(unsigned int fn, int (*real)(int (*)(void *), void *, int, void *, ...),
		    int (*start)(void *), void *stack, int flags, void *arg, va_list ap)
{
	pid_t *parent_tid = va_arg(ap, pid_t *);
	void *tls = va_arg(ap, void *);
	pid_t *child_tid = va_arg(ap, pid_t *);
	struct start own = {start, arg};
	struct cw_fork_ticket ticket;
	int ret;

	if (flags & CLONE_THREAD || !start)
		return real(start, stack, flags, arg, parent_tid, tls, child_tid);
	if (flags & CLONE_VM)
		cw_has_vm_children = true;
	else
		start = start_child, arg = &own; /* copied with all other memory */
	ticket = cw_before_fork(fn);
	ret = real(start, stack, flags, arg, parent_tid, tls, child_tid);
	cw_on_spawn(&ticket, ret);
	return ret;
}

CW_EXPORT int clone(int (*start)(void *), void *stack, int flags, void *arg, ...)
{
	va_list ap;
	int ret;

	va_start(ap, arg);
	ret = on_clone(CW_FN_clone, CW_REAL(clone), start, stack, flags, arg, ap);
	va_end(ap);
	return ret;
}

CW_EXPORT int __clone(int (*start)(void *), void *stack, int flags, void *arg, ...)
{
	va_list ap;
	int ret;

	va_start(ap, arg);
	ret = on_clone(CW_FN___clone, CW_REAL(__clone), start, stack, flags, arg, ap);
	va_end(ap);
	return ret;
}

CW_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			  const posix_spawnattr_t *attributes, char *const argv[],
			  char *const envp[])
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_posix_spawn);
	int ret = CW_REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);

	cw_on_spawn(&ticket, ret == 0 && pid ? *pid : 0);
	return ret;
}

CW_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attributes, char *const argv[],
			   char *const envp[])
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_posix_spawnp);
	int ret = CW_REAL(posix_spawnp)(pid, file, actions, attributes, argv, envp);

	cw_on_spawn(&ticket, ret == 0 && pid ? *pid : 0);
	return ret;
}

CW_EXPORT int system(const char *command)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_system);

	cw_on_spawn(&ticket, 0);
	return CW_REAL(system)(command);
}

CW_EXPORT FILE *popen(const char *command, const char *mode)
{
	struct cw_fork_ticket ticket = cw_before_fork(CW_FN_popen);

	cw_on_spawn(&ticket, 0);
	return CW_REAL(popen)(command, mode);
}

/* Called by vfork.S.  One thread cannot be inside two vforks, so its ticket has one place. */
static __thread struct cw_fork_ticket vfork_ticket;

void cw_vfork_before(void);
long cw_vfork_after(long ret);

void cw_vfork_before(void)
{
	if (cw_thread.in_vfork++)
		return;
	cw_thread.in_vfork = 0;
	vfork_ticket = cw_before_fork(CW_FN_vfork);
	cw_on_spawn(&vfork_ticket, 0);
	cw_thread.in_vfork = 1;
}

long cw_vfork_after(long ret)
{
	cw_thread.in_vfork--;
	if (ret < 0) {
		errno = (int)-ret;
		return -1;
	}
	if (!cw_thread.in_vfork)
		cw_forks_set_child(&vfork_ticket, (pid_t)ret);
	return ret;
}
