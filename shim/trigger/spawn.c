/* SPDX-License-Identifier: MIT */
/*
 * The reporter is the child of a child.  Both are made with CLONE_VM|CLONE_VFORK on stacks of their
 * own, so that nothing is copied and no fork handler runs.  The first one's exit signal is none
 * (clone(2)): it raises no SIGCHLD and plain wait() does not see it; it is reaped here.  The second
 * closes its copies of all descriptors above 2 before it becomes the reporter, or it would keep the
 * host's sockets alive.
 *
 * All signals are blocked meanwhile, because a handler run in these children would write into the
 * host's memory; the reporter unblocks them.
 */
#include "trigger/spawn.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/wait.h>

#include "core/raw.h"
#include "core/text.h"

#include "core/poison.h"

enum { STACK = 16384, VARIABLES = 16, CLOSE_LIMIT = 65536 };

static char directory[512];
static char variables[4096];
static const char *environment[VARIABLES + 1];

/* Written by the children, which share this memory. */
static const char **arguments;
static volatile pid_t reporter;
static volatile bool has_failed;

static char outer_stack[STACK] __attribute__((aligned(16)));
static char inner_stack[STACK] __attribute__((aligned(16)));

/*
 * Runs child() in a new process that shares this memory, and waits until it has exec'd or ended
 * (CLONE_VFORK).  child() must not return.  Returns the process id, or -errno.
 */
static long clone_and_run(int flags, char *stack, void (*child)(void))
{
	long ret;

#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%[child]\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "0"(SYS_clone), "D"((long)flags), "S"(stack + STACK), "d"(0L), "r"(r10),
			   "r"(r8), [child] "r"(child)
			 : "rcx", "r11", "memory", "cc");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = flags;
	register long x1 __asm__("x1") = (long)(stack + STACK);
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "blr %[child]\n\t"
			 "brk #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [child] "r"(child)
			 : "memory", "cc", "x30");
	ret = x0;
#endif
	return ret;
}

/*
 * Standard input and output, and an error output that is a connection, become /dev/null.  node, for
 * one, marks its standard descriptors close-on-exec.
 */
static void set_standard_descriptors(void)
{
	long null = cw_raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2; fd++)
		if (fd != null &&
		    (fd < 2 || cw_is_connection(2) || cw_raw(SYS_fcntl, 2, F_GETFD) < 0))
			cw_raw(SYS_dup3, null, fd, 0);
	cw_raw(SYS_fcntl, 2, F_SETFD, 0);
}

/* They are this process's own copies: closing them takes nothing from the host, and makes room. */
static void close_descriptors(void)
{
	if (cw_raw(SYS_close_range, 3, ~0U, 0) >= 0)
		return;
	for (int fd = 3; fd < CLOSE_LIMIT; fd++)
		cw_raw(SYS_close, fd);
}

static void become_reporter(void)
{
	static const char *const places[] = {"/cwshim", "/../bin/cwshim", "/../../bin/cwshim"};
	char program[sizeof(directory) + 32];

	close_descriptors();
	set_standard_descriptors();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct cw_text text = CW_TEXT(program);

		cw_text_add(&text, directory);
		cw_text_add(&text, places[i]);
		arguments[0] = program;
		cw_raw(SYS_execve, program, arguments, environment);
	}
	has_failed = true;
	cw_raw(SYS_exit_group, 127);
}

static void become_go_between(void)
{
	long pid = clone_and_run(CLONE_VM | CLONE_VFORK | SIGCHLD, inner_stack, become_reporter);

	if (pid < 0)
		has_failed = true;
	else
		reporter = (pid_t)pid;
	cw_raw(SYS_exit_group, 0);
}

pid_t cw_spawn_reporter(const char **argv)
{
	static atomic_flag is_busy = ATOMIC_FLAG_INIT;
	uint64_t all = ~0ull, before;
	long pid;

	if (!*directory || atomic_flag_test_and_set(&is_busy))
		return 0;
	arguments = argv;
	reporter = 0;
	has_failed = false;
	cw_raw(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8);
	pid = clone_and_run(CLONE_VM | CLONE_VFORK, outer_stack, become_go_between);
	if (pid > 0)
		while (cw_raw(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
			;
	cw_raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, 8);
	atomic_flag_clear(&is_busy);
	return pid < 0 || has_failed ? 0 : reporter;
}

static bool is_wanted(const char *variable)
{
	static const char *const names[] = {"PATH",
					    "HOME",
					    "TERM",
					    "LANG",
					    "TZ",
					    "NO_COLOR",
					    "LC_ALL",
					    "LD_LIBRARY_PATH",
					    "XDG_RUNTIME_DIR"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t at = 0;

		while (names[i][at] && names[i][at] == variable[at])
			at++;
		if (!names[i][at] && variable[at] == '=')
			return true;
	}
	return false;
}

static void copy_environment(char *const *from)
{
	struct cw_text text = CW_TEXT(variables);
	size_t n = 0;

	for (; from && *from && n < VARIABLES; from++) {
		size_t start = text.len;

		if (!is_wanted(*from) || text.len + cw_strlen(*from) + 2 > text.size)
			continue;
		cw_text_add(&text, *from);
		text.len++; /* keep the NUL */
		environment[n++] = variables + start;
	}
}

static void find_directory(void)
{
	struct cw_text text = CW_TEXT(directory);
	Dl_info info;

	if (!dladdr((const void *)&cw_spawn_init, &info) || !info.dli_fname)
		return;
	if (*info.dli_fname != '/') {
		/* Counts the NUL, getcwd(2). */
		long len = cw_raw(SYS_getcwd, directory, sizeof(directory) / 2);

		if (len <= 0)
			return;
		text.len = (size_t)len - 1;
		cw_text_add(&text, "/");
	}
	cw_text_add(&text, info.dli_fname);
	while (text.len && text.data[text.len - 1] != '/')
		text.len--;
	text.data[text.len ? text.len - 1 : 0] = '\0';
}

void cw_spawn_init(char *const *from)
{
	find_directory();
	copy_environment(from);
}
