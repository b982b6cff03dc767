/* SPDX-License-Identifier: MIT */
/*
 * Functions that make processes, or replace their image: who was handed the socket, and where.
 */
#include "rows.h"

#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>

extern char **environ;
extern pid_t __fork(void);
extern pid_t __vfork(void);
extern int __clone(int (*start)(void *), void *stack, int flags, void *argument, ...);

static int fd;

#define EXPECT_FORK_HERE()                                                                    \
	printf("EXPECT cause=parent-kept-copy verdict=leak count=1 forked=%s:%d\n", __func__, \
	       __LINE__)

static void reap(pid_t child)
{
	TARGET_CHECK(child > 0);
	TARGET_CHECK(waitpid(child, NULL, 0) == child);
}

static int be_child(void *unused)
{
	char byte;

	TARGET_CHECK(read(fd, &byte, 1) == 0);
	close(fd);
	_exit(0);
}

#define ROW_FORK(function, ...)                      \
	static void row_##function(void)             \
	{                                            \
		fd = accept_abandoned();             \
		EXPECT_FORK_HERE();                  \
		pid_t child = function(__VA_ARGS__); \
		if (child == 0)                      \
			be_child(NULL);              \
		reap(child);                         \
	}

static int terminal;

ROW_FORK(fork)
ROW_FORK(__fork)
ROW_FORK(_Fork)
ROW_FORK(forkpty, &terminal, NULL, NULL, NULL)

static char stack[256 * 1024] __attribute__((aligned(64)));

#define ROW_CLONE(function)                                                     \
	static void row_##function(void)                                        \
	{                                                                       \
		fd = accept_abandoned();                                        \
		EXPECT_FORK_HERE();                                             \
		reap(function(be_child, stack + sizeof(stack), SIGCHLD, NULL)); \
	}

ROW_CLONE(clone)
ROW_CLONE(__clone)

/* A program that holds what it was started with: what was not marked close-on-exec. */
static char holder[4096];
static char *holder_argv[] = {holder, NULL};
static char *quiet_argv[] = {holder, (char *)"--quiet", NULL};

static void find_holder(void)
{
	ssize_t size = readlink("/proc/self/exe", holder, sizeof(holder) - 16);

	TARGET_CHECK(size > 0);
	strcpy(strrchr(holder, '/'), "/holder");
}

/*
 * Serves a connection to its end while a holder is started by one function.  That a copy went with
 * it makes the socket be remembered after the close; otherwise nobody knew whose it had been.
 */
#define ROW_SPAWN(function, ...)                                                         \
	static void row_##function(void)                                                 \
	{                                                                                \
		char byte;                                                               \
                                                                                         \
		find_holder();                                                           \
		fd = accept_abandoned();                                                 \
		TARGET_CHECK((__VA_ARGS__) >= 0);                                        \
		TARGET_CHECK(read(fd, &byte, 1) == 0);                                   \
		printf("EXPECT cause=leaked-through-exec verdict=leak count=1 via=exec " \
		       "closed_elsewhere=%s:%d\n",                                       \
		       __func__, __LINE__);                                              \
		close(fd);                                                               \
	}

static pid_t spawned;

ROW_SPAWN(posix_spawn, posix_spawn(&spawned, holder, NULL, NULL, quiet_argv, environ))
ROW_SPAWN(posix_spawnp, posix_spawnp(&spawned, holder, NULL, NULL, quiet_argv, environ))

/* The child of vfork shares our memory and may do nothing but exec or end. */
#define START(function)                                             \
	({                                                          \
		pid_t child = function();                           \
		if (child == 0)                                     \
			_exit(execve(holder, quiet_argv, environ)); \
		child;                                              \
	})

ROW_SPAWN(vfork, START(vfork))
ROW_SPAWN(__vfork, START(__vfork))

/* Waits until the holder, whose standard output this is, says that it runs. */
static int await_holder(int from)
{
	char text[6];

	return read(from, text, sizeof(text)) == 6 ? 0 : -1;
}

static int start_by_popen(void)
{
	FILE *stream = popen(holder, "r");

	return stream ? await_holder(fileno(stream)) : -1;
}

ROW_SPAWN(popen, start_by_popen())

/* system() returns when the holder has ended, so it has a thread of its own. */
static void *call_system(void *command)
{
	TARGET_CHECK(system(command) == 0);
	return NULL;
}

static int start_by_system(void)
{
	static char command[5000];
	pthread_t thread;
	int ends[2];

	TARGET_CHECK(pipe(ends) == 0);
	snprintf(command, sizeof(command), "exec %s >&%d", holder, ends[1]);
	TARGET_CHECK(pthread_create(&thread, NULL, call_system, command) == 0);
	return await_holder(ends[0]);
}

ROW_SPAWN(system, start_by_system())

/* The child of daemon() goes on as the program; its parent ends. */
static void row_daemon(void)
{
	fd = accept_abandoned();
	EXPECT_NEXT("unread-not-closed", "forked", "via=fork");
	TARGET_CHECK(daemon(1, 1) == 0);
	printf("PID %d\n", (int)getpid());
}

/* The program that takes our place holds what was not marked close-on-exec. */
#define ROW_EXEC(function, ...)                                                          \
	static void row_##function(void)                                                 \
	{                                                                                \
		find_holder();                                                           \
		fd = accept_abandoned();                                                 \
		printf("EXPECT cause=leaked-through-exec verdict=leak count=1 via=exec " \
		       "executed=%s:%d\n",                                               \
		       __func__, __LINE__);                                              \
		puts("ENDED exec");                                                      \
		function(__VA_ARGS__);                                                   \
		target_die(#function);                                                   \
	}

ROW_EXEC(execve, holder, holder_argv, environ)
ROW_EXEC(execv, holder, holder_argv)
ROW_EXEC(execvp, holder, holder_argv)
ROW_EXEC(execvpe, holder, holder_argv, environ)
ROW_EXEC(execl, holder, holder, (char *)NULL)
ROW_EXEC(execlp, holder, holder, (char *)NULL)
ROW_EXEC(execle, holder, holder, (char *)NULL, environ)
ROW_EXEC(fexecve, open(holder, O_RDONLY | O_CLOEXEC), holder_argv, environ)
ROW_EXEC(execveat, AT_FDCWD, holder, holder_argv, environ, 0)

static const struct row rows[] = {
	{"fork", row_fork},
	{"__fork", row___fork},
	{"_Fork", row__Fork},
	{"forkpty", row_forkpty},
	{"clone", row_clone},
	{"__clone", row___clone},
	{"vfork", row_vfork},
	{"__vfork", row___vfork},
	{"posix_spawn", row_posix_spawn},
	{"posix_spawnp", row_posix_spawnp},
	{"system", row_system},
	{"popen", row_popen},
	{"daemon", row_daemon},
	{"execve", row_execve},
	{"execv", row_execv},
	{"execvp", row_execvp},
	{"execvpe", row_execvpe},
	{"execl", row_execl},
	{"execlp", row_execlp},
	{"execle", row_execle},
	{"fexecve", row_fexecve},
	{"execveat", row_execveat},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
