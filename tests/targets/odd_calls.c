/* SPDX-License-Identifier: MIT */
/*
 * Makes calls of all the functions that a shim interposes, in random order, with random arguments:
 * odd numbers, addresses that cannot be used, lengths that are none.  What each returned, and what
 * became of errno, it says at the end, so that a run under the shim can be compared with a bare
 * one:
 *
 *     odd_calls SEED CALLS
 *
 * A child's calls are said by its parent's side of the log, for it waits for each.
 */
#include "odd_signals.h"
#include "odd_sockets.h"
#include "odd_values.h"

#include <dirent.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <spawn.h>

pid_t __fork(void);

static int depth; /* of forks */

static void odd_exec(void)
{
	char *arguments[] = {"x", NULL}, *none[] = {NULL};
	const char *path = PICK((const char *)"/nowhere/x", "/etc/passwd", "");

	switch (roll(8)) {
	case 0:
		CALL(execve, path, arguments, none);
		break;
	case 1:
		CALL(execv, path, arguments);
		break;
	case 2:
		CALL(execvp, path, arguments);
		break;
	case 3:
		CALL(execvpe, path, arguments, none);
		break;
	case 4:
		CALL(execl, path, "x", "y", NULL);
		break;
	case 5:
		CALL(execle, path, "x", NULL, none);
		break;
	case 6:
		CALL(fexecve, some_fd(), arguments, none);
		break;
	default:
		CALL(execveat, some_fd(), path, arguments, none, PICK(0, AT_EMPTY_PATH, 77));
	}
}

static void odd_prctl(void)
{
	if (roll(2))
		CALL(prctl, PICK(PR_GET_DUMPABLE, -1, 9999), 0, 0, 0, 0);
	else
		CALL(prctl, PR_SET_SECCOMP, PICK(77, SECCOMP_MODE_FILTER), some_place(16), 0, 0);
}

/* Calls by number whose arguments are a descriptor and places. */
static void odd_number(void)
{
	long number = PICK(SYS_close, SYS_read, SYS_write, SYS_dup, SYS_shutdown, SYS_getsockname,
			   SYS_accept, SYS_connect, SYS_epoll_ctl, SYS_execve, SYS_seccomp, 5000);
	void *a = some_place(64), *b = roll(2) ? some_place(64) : (void *)16;

	if (number == SYS_execve)
		CALL(syscall, number, (long)"/nowhere/x", a, b);
	else if (number == SYS_accept)
		set_nonblocking(CALL(syscall, SYS_accept4, odd_listener, NULL, b, SOCK_NONBLOCK));
	else
		CALL(syscall, number, some_fd(), a, b);
}

static void (*const calls[])(void) = {
	odd_socket,  odd_socket,  odd_socketpair, odd_accept,	     odd_accept,  odd_accept,
	odd_connect, odd_connect, odd_connect,	  odd_shutdown,	     odd_close,	  odd_close_range,
	odd_dup,     odd_dup,	  odd_fcntl,	  odd_stream,	     odd_read,	  odd_read,
	odd_write,   odd_write,	  odd_splice,	  odd_message,	     odd_message, odd_messages,
	odd_others,  odd_signal,  odd_sigaction,  odd_mask,	     odd_wait,	  odd_exec,
	odd_prctl,   odd_number,  odd_number,	  odd_memory_stream,
};

static void wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0); /* fails where the program does not want SIGCHLD */
	say("  its status was %x\n", (unsigned int)status);
}

static int be_child(void *unused)
{
	(void)unused;
	depth++;
	for (int i = 0; i < 8; i++)
		calls[roll(sizeof(calls) / sizeof(calls[0]))]();
	return 9;
}

static pid_t make_child(unsigned int way)
{
	static char stack[256 << 10] __attribute__((aligned(16)));

	switch (way) {
	case 0:
		return fork();
	case 1:
		return __fork();
	case 2:
		return _Fork();
	case 3:
		return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	default:
		return clone(be_child, stack + sizeof(stack), SIGCHLD, NULL);
	}
}

static void odd_child(void)
{
	unsigned int way = roll(5);
	pid_t pid;

	errno = ODD_ERRNO;
	pid = make_child(way);
	if (pid == 0 && odd_state & 1)
		_exit(be_child(NULL));
	if (pid == 0)
		_Exit(be_child(NULL));
	say("child %u, errno %d\n", way, errno);
	wait_for(pid);
}

/* In the memory of its parent, so it may not do much. */
static void odd_vfork(void)
{
	char *const arguments[] = {"x", NULL};
	int fds[] = {some_fd(), some_fd(), some_fd()};
	pid_t pid = vfork();

	if (pid == 0) {
		close(fds[0]);
		dup2(fds[1], fds[2] < ODD_FDS ? fds[2] : -1);
		execve("/nowhere/x", arguments, NULL);
		_exit(5);
	}
	wait_for(pid);
}

static void odd_program(void)
{
	char *arguments[] = {"true", NULL}, *none[] = {NULL};
	const char *mode = PICK((const char *)"r", "re", "zz");
	pid_t pid = 0;
	FILE *stream;

	switch (roll(4)) {
	case 0:
		if (CALL(posix_spawn, &pid, PICK((const char *)"/bin/true", "/nowhere/x"), NULL,
			 NULL, arguments, none) == 0)
			wait_for(pid);
		break;
	case 1:
		if (CALL(posix_spawnp, &pid, "true", NULL, NULL, arguments, none) == 0)
			wait_for(pid);
		break;
	case 2:
		CALL(system, PICK((const char *)"exit 3", "kill -9 $$", NULL));
		break;
	default:
		stream = CALL_FOR_POINTER(popen, "exit 4", mode);
		if (stream)
			CALL(pclose, stream);
	}
}

static void call_something(void)
{
	static void (*const seldom[])(void) = {odd_child, odd_vfork, odd_program};

	if (!depth && roll(40) == 0)
		seldom[roll(3)]();
	else
		calls[roll(sizeof(calls) / sizeof(calls[0]))]();
}

static void *map(size_t size, int how)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);

	TARGET_CHECK(at != MAP_FAILED);
	return at;
}

/* The listener, and the output, lie where no call looks; the standard descriptors are nobody's. */
static void begin(uint64_t seed)
{
	int null = open("/dev/null", O_RDWR);

	odd_state = seed * 0x9e3779b97f4a7c15u + 1;
	odd_page = map(2 * (size_t)ODD_PAGE, MAP_PRIVATE);
	TARGET_CHECK(mprotect(odd_page + ODD_PAGE, ODD_PAGE, PROT_NONE) == 0);
	odd_log = map(sizeof(*odd_log), MAP_SHARED);
	odd_listener = target_listen(0);
	odd_address = target_address(target_port(odd_listener));
	TARGET_CHECK(dup2(odd_listener, ODD_PRIVATE) == ODD_PRIVATE);
	close(odd_listener);
	odd_listener = ODD_PRIVATE;
	TARGET_CHECK(fcntl(odd_listener, F_SETFL, O_NONBLOCK) == 0);
	raw_call(SYS_dup2, STDOUT_FILENO, ODD_PRIVATE + 1, 0, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	signal(SIGPIPE, SIG_IGN);
}

/* What is open in the end, each by its kind. */
static void say_descriptors(void)
{
	for (int fd = 0; fd < ODD_PRIVATE; fd++) {
		char path[64], target[256];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		say("descriptor %d: %.*s\n", fd, (int)strcspn(target, "["), target);
	}
}

int main(int argc, char **argv)
{
	TARGET_CHECK(argc == 3);
	target_begin();
	begin(strtoull(argv[1], NULL, 10));
	for (int left = atoi(argv[2]); left > 0; left--)
		call_something();
	say_descriptors();
	for (size_t at = 0; at < odd_log->used;) {
		ssize_t n = write(ODD_PRIVATE + 1, odd_log->text + at, odd_log->used - at);

		TARGET_CHECK(n > 0);
		at += (size_t)n;
	}
	return 7;
}
