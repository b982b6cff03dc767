/* SPDX-License-Identifier: MIT */
/*
 * The reporter is the child of a child.  Both are made with CLONE_VM on stacks of their own, so
 * that nothing is copied and no fork handler runs.  The first one's exit signal is none (clone(2)):
 * it raises no SIGCHLD and plain wait() does not see it; it is reaped here.  The second closes its
 * copies of all descriptors above 2 before it becomes the reporter, or it would keep the host's
 * sockets alive.
 *
 * The host waits for the first one only.  The second may go on beside it, asking the kernel about
 * the host's sockets, before it becomes the reporter; until then it has the claim.
 *
 * All signals are blocked meanwhile, because a handler run in these children would write into the
 * host's memory; the reporter unblocks them.
 */
#include "trigger/spawn.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "core/raw.h"
#include "core/text.h"
#include "trigger/reach.h"

#include "core/poison.h"

enum {
	STACK = 32768,
	VARIABLES = 16,
	CLOSE_LIMIT = 65536,
	CLAIM_WAITS = 100, /* of 100 ms */
};

static char directory[512];
static char variables[4096];
static const char *environment[VARIABLES + 1];

/*
 * Written by the children, which share this memory; under an emulator they may not: qemu and
 * valgrind make a fork of a vfork.  A shared mapping they have in common with the host even then.
 */
struct outcome {
	volatile pid_t reporter;
	volatile bool has_failed;
};

static struct outcome outcome_here, *outcome = &outcome_here;
static const char **arguments;
static void (*inner_work)(void);

/*
 * The process whose claim it is; 0: nobody's.  A forked child may find its parent's here.  The
 * kernel clears it when the grandchild execs or ends (CLONE_CHILD_CLEARTID, clone(2)).
 */
static int claimed;

static char outer_stack[STACK] __attribute__((aligned(16)));
static char inner_stack[STACK] __attribute__((aligned(16)));

/*
 * Runs child() in a new process that shares this memory.  With CLONE_VFORK, waits until it has
 * exec'd or ended; with CLONE_CHILD_CLEARTID, `claimed` is cleared then.  child() must not return.
 * Returns the process id, or -errno.
 */
static long clone_and_run(int flags, char *stack, void (*child)(void))
{
	long ret;

#if defined(__x86_64__)
	register long r10 __asm__("r10") = (long)&claimed;
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
	register long x4 __asm__("x4") = (long)&claimed;

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

/*
 * They are this process's own copies: closing them takes nothing from the host, and makes room.
 * What shares the host's table can do without it only where close_range(2) is there.
 */
void cw_spawn_close_descriptors(void)
{
	if (cw_raw(SYS_close_range, 3, ~0U, CLOSE_RANGE_UNSHARE) >= 0)
		return;
	for (int fd = 3; fd < CLOSE_LIMIT; fd++)
		cw_raw(SYS_close, fd);
}

/* No descriptor has this number: all that is done is the unsharing. */
void cw_spawn_own_descriptors(void)
{
	cw_raw(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE);
}

static bool has_close_range(void)
{
	return cw_raw(SYS_close_range, ~0U, ~0U, 0) >= 0;
}

/*
 * The reporter's limits are its own: a server with small stacks, or little memory, does not make it
 * fail.  Only root can raise the hard ones.
 */
static void lift_limits(void)
{
	static const int limits[] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY}, limit;

		if (cw_raw(SYS_prlimit64, 0, limits[i], &none, NULL) == 0)
			continue;
		if (cw_raw(SYS_prlimit64, 0, limits[i], NULL, &limit) == 0) {
			limit.rlim_cur = limit.rlim_max;
			cw_raw(SYS_prlimit64, 0, limits[i], &limit, NULL);
		}
	}
}

void cw_spawn_exec(const char **argv)
{
	static const char *const places[] = {"/cwshim", "/../bin/cwshim", "/../../bin/cwshim"};
	char program[sizeof(directory) + 32];

	if (!cw_reach_session())
		return;
	lift_limits();
	cw_spawn_close_descriptors();
	set_standard_descriptors();
	for (size_t i = 0; *directory && i < sizeof(places) / sizeof(places[0]); i++) {
		struct cw_text text = CW_TEXT(program);

		cw_text_add(&text, directory);
		cw_text_add(&text, places[i]);
		argv[0] = program;
		cw_raw(SYS_execve, program, argv, environment);
	}
}

static void become_reporter(void)
{
	cw_spawn_exec(arguments);
	outcome->has_failed = true;
	cw_raw(SYS_exit_group, 127);
}

static void run_inner(int flags, void (*work)(void))
{
	long pid = clone_and_run(flags | CLONE_VM | SIGCHLD, inner_stack, work);

	if (pid < 0)
		outcome->has_failed = true;
	else
		outcome->reporter = (pid_t)pid;
	cw_raw(SYS_exit_group, 0);
}

/*
 * It may come to its end only after the reporter has looked for holders, and must not be one.
 */
static void become_go_between(void)
{
	cw_spawn_close_descriptors();
	run_inner(CLONE_VFORK, become_reporter);
}

static void become_go_between_apart(void)
{
	run_inner(CLONE_CHILD_CLEARTID | (has_close_range() ? CLONE_FILES : 0), inner_work);
}

static struct outcome *share_outcome(void)
{
	long at = cw_raw(SYS_mmap, NULL, sizeof(struct outcome), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	outcome_here = (struct outcome){0};
	return at < 0 && at > -4096 ? &outcome_here : (struct outcome *)at;
}

/* Runs the go-between, to its end.  0: it, or the one that it was to start, could not be. */
static pid_t run_outer(int flags, void (*child)(void))
{
	struct outcome ended;
	long pid;

	outcome = share_outcome();
	pid = clone_and_run(flags | CLONE_VM | CLONE_VFORK, outer_stack, child);
	if (pid > 0)
		while (cw_raw(SYS_wait4, pid, NULL, __WALL, NULL) == -EINTR)
			;
	ended = *outcome;
	if (outcome != &outcome_here)
		cw_raw(SYS_munmap, outcome, sizeof(*outcome));
	return pid > 0 && !ended.has_failed ? ended.reporter : 0;
}

static bool wait_for_claim(int self)
{
	struct timespec timeout = {0, 100000000};

	for (int tries = 0; tries < CLAIM_WAITS; tries++) {
		int seen = __atomic_load_n(&claimed, __ATOMIC_RELAXED);

		/* Acquire: pairs with the release, and with the kernel's. */
		if (seen != self && __atomic_compare_exchange_n(&claimed, &seen, self, false,
								__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
		cw_raw(SYS_futex, &claimed, FUTEX_WAIT, seen, &timeout, NULL, 0);
	}
	return false;
}

/*
 * After unshare(CLONE_NEWPID) the next child is the first process of a new namespace, which lives
 * as long as that one (pid_namespaces(7)): it must be the host's, and ours would know no number
 * that the host knows.  The entry is missing until there is a first process (namespaces(7)).
 */
static bool are_children_elsewhere(void)
{
	char own[64] = "", theirs[64] = "";

	if (cw_raw(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid", own, sizeof(own) - 1) <= 0)
		return false;
	cw_raw(SYS_readlinkat, AT_FDCWD, "/proc/self/ns/pid_for_children", theirs,
	       sizeof(theirs) - 1);
	return !cw_streq(own, theirs);
}

bool cw_spawn_claim(uint64_t *ret_mask)
{
	uint64_t all = ~0ull;

	cw_raw(SYS_rt_sigprocmask, SIG_BLOCK, &all, ret_mask, 8);
	if (*directory && !are_children_elsewhere() && wait_for_claim((int)cw_raw(SYS_getpid)))
		return true;
	cw_raw(SYS_rt_sigprocmask, SIG_SETMASK, ret_mask, NULL, 8);
	return false;
}

void cw_spawn_release(uint64_t mask, bool is_lasting)
{
	if (!is_lasting) {
		__atomic_store_n(&claimed, 0, __ATOMIC_RELEASE);
		cw_raw(SYS_futex, &claimed, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	cw_raw(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

pid_t cw_spawn_reporter(const char **argv)
{
	arguments = argv;
	return run_outer(0, become_go_between);
}

/*
 * valgrind ends a program that shares its memory in a way that no library does.  It is asked by an
 * instruction that elsewhere does nothing (valgrind.h, RUNNING_ON_VALGRIND).
 */
static bool is_on_valgrind(void)
{
	long answer = 0;

#if defined(__x86_64__)
	volatile long request[6] = {0x1001};

	__asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\t"
			 "rolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
			 "xchgq %%rbx, %%rbx"
			 : "=d"(answer)
			 : "a"(request), "0"(answer)
			 : "cc", "memory");
#endif
	return answer != 0;
}

pid_t cw_spawn_apart(void (*work)(void))
{
	inner_work = work;
	return is_on_valgrind() ? 0 : run_outer(CLONE_FILES, become_go_between_apart);
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
