/* SPDX-License-Identifier: MIT */
/*
 * Images are replaced.  The environment is passed on as it is, so the shim follows where the host
 * lets it.  The functions with argument lists collect them as libc does, on the stack.
 */
#include <alloca.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "track/forks.h"

#include "core/poison.h"

CW_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
	cw_before_exec(CW_FN_execve);
	return cw_on_exec_failed(CW_REAL(execve)(path, argv, envp));
}

CW_EXPORT int execv(const char *path, char *const argv[])
{
	cw_before_exec(CW_FN_execv);
	return cw_on_exec_failed(CW_REAL(execv)(path, argv));
}

CW_EXPORT int execvp(const char *file, char *const argv[])
{
	cw_before_exec(CW_FN_execvp);
	return cw_on_exec_failed(CW_REAL(execvp)(file, argv));
}

CW_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
	cw_before_exec(CW_FN_execvpe);
	return cw_on_exec_failed(CW_REAL(execvpe)(file, argv, envp));
}

CW_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
	cw_before_exec(CW_FN_fexecve);
	return cw_on_exec_failed(CW_REAL(fexecve)(fd, argv, envp));
}

CW_EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	cw_before_exec(CW_FN_execveat);
	return cw_on_exec_failed(CW_REAL(execveat)(dir, path, argv, envp, flags));
}

/* The number of arguments up to the NULL that ends them, which is not counted. */
static size_t count_arguments(const char *first, va_list ap)
{
	size_t n = 0;
	va_list copy;

	va_copy(copy, ap);
	for (const char *arg = first; arg; arg = va_arg(copy, const char *))
		n++;
	va_end(copy);
	return n;
}

static void collect_arguments(char **argv, const char *first, va_list *ap)
{
	const char *arg = first;

	while ((*argv++ = (char *)arg))
		arg = va_arg(*ap, const char *);
}

#define COLLECT(argv, first, ap)                                                 \
	do {                                                                     \
		argv = alloca((count_arguments(first, ap) + 1) * sizeof(*argv)); \
		collect_arguments(argv, first, &ap);                             \
	} while (0)

CW_EXPORT int execl(const char *path, const char *first, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, first);
	COLLECT(argv, first, ap);
	va_end(ap);
	cw_before_exec(CW_FN_execl);
	return cw_on_exec_failed(CW_REAL(execv)(path, argv));
}

CW_EXPORT int execlp(const char *file, const char *first, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, first);
	COLLECT(argv, first, ap);
	va_end(ap);
	cw_before_exec(CW_FN_execlp);
	return cw_on_exec_failed(CW_REAL(execvp)(file, argv));
}

CW_EXPORT int execle(const char *path, const char *first, ...)
{
	char **argv, **envp;
	va_list ap;

	va_start(ap, first);
	COLLECT(argv, first, ap);
	envp = va_arg(ap, char **);
	va_end(ap);
	cw_before_exec(CW_FN_execle);
	return cw_on_exec_failed(CW_REAL(execve)(path, argv, envp));
}
