/* SPDX-License-Identifier: MIT */
/*
 * A connection is served and closed by who accepted it; programs that were executed meanwhile hold
 * it, because it was made without close-on-exec.
 *
 *     kept_by_program --shape=NAME ... (see copies.h)
 *
 * fork, vfork, spawn, system, popen: how each program is started.  daemon: forked twice.  bare:
 * with an empty environment, so without the shim.
 */
#include "copies.h"

#include <spawn.h>

extern char **environ;

static char holder[4096], tell_word[32], leash_word[32], command[4200];
static char *holder_argv[] = {holder, tell_word, leash_word, NULL};
static pid_t pids[CHILDREN_MAX];
static FILE *streams[CHILDREN_MAX];
static int connection;

static void find_holder(void)
{
	ssize_t size = readlink("/proc/self/exe", holder, sizeof(holder) - 16);

	TARGET_CHECK(size > 0);
	strcpy(strrchr(holder, '/'), "/holder");
	snprintf(tell_word, sizeof(tell_word), "--tell=%d", news[1]);
	snprintf(leash_word, sizeof(leash_word), "--leash=%d", leash);
	snprintf(command, sizeof(command), "exec %s %s %s", holder, tell_word, leash_word);
	TARGET_CHECK(fcntl(news[1], F_SETFD, 0) == 0);
}

static void take(void)
{
	bring_clients(1);
	MARK_NEXT(created);
	connection = accept4(listener, NULL, NULL, is_fixed ? SOCK_CLOEXEC : 0);
	TARGET_CHECK(connection >= 0);
	read_hello(connection);
}

static void end(void)
{
	char byte;

	MARK_NEXT(eof);
	TARGET_CHECK(read(connection, &byte, 1) == 0);
	MARK_NEXT(closed_elsewhere);
	close(connection);
}

static void start_by_fork(int number)
{
	if (fork() == 0) {
		MARK_NEXT(executed);
		execv(holder, holder_argv);
		target_die("execv");
	}
}

static void start_by_vfork(int number)
{
	pid_t pid;

	MARK_NEXT(executed);
	pid = vfork();
	if (pid == 0) {
		execv(holder, holder_argv);
		_exit(1);
	}
}

static void start_by_spawn(int number)
{
	pid_t pid;
	int error;

	MARK_NEXT(executed);
	error = posix_spawn(&pid, holder, NULL, NULL, holder_argv, environ);
	TARGET_CHECK(error == 0);
}

static void start_by_system(int number)
{
	char background[sizeof(command) + 2];
	int status;

	snprintf(background, sizeof(background), "%s &", command);
	MARK_NEXT(executed);
	status = system(background);
	TARGET_CHECK(status == 0);
}

static void start_by_popen(int number)
{
	MARK_NEXT(executed);
	streams[number] = popen(command, "r");
	TARGET_CHECK(streams[number]);
}

static void start_daemon(int number)
{
	pid_t pid;

	MARK_NEXT(executed);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid > 0) {
		TARGET_CHECK(waitpid(pid, NULL, 0) == pid);
		return;
	}
	setsid();
	if (fork() > 0)
		_exit(0);
	execv(holder, holder_argv);
	target_die("execv");
}

static void start_bare(int number)
{
	char *nothing[] = {NULL};

	if (fork() == 0) {
		MARK_NEXT(executed);
		execve(holder, holder_argv, nothing);
		target_die("execve");
	}
}

static void run(void (*start)(int number))
{
	find_holder();
	take();
	for (int i = 0; i < children; i++)
		start(i);
	for (int i = 0; i < children; i++)
		pids[i] = await_child();
	end();
}

#define RUN(name)                    \
	static void run_##name(void) \
	{                            \
		run(start_##name);   \
	}

RUN(by_fork)
RUN(by_vfork)
RUN(by_spawn)
RUN(by_system)
RUN(by_popen)
RUN(daemon)
RUN(bare)

static const struct shape shapes[] = {
	{"fork", run_by_fork, "take end start_by_fork", NULL},
	{"vfork", run_by_vfork, "take end start_by_vfork", NULL},
	{"spawn", run_by_spawn, "take end start_by_spawn", NULL},
	{"system", run_by_system, "take end start_by_system", NULL},
	{"popen", run_by_popen, "take end start_by_popen", NULL},
	{"daemon", run_daemon, "take end start_daemon", NULL},
	{"bare", run_bare, "take end start_bare", NULL},
};

int main(int argc, char **argv)
{
	const struct shape *shape =
		copies_begin(argc, argv, shapes, sizeof(shapes) / sizeof(shapes[0]));

	shape->run();
	say_expected(shape, "leaked-through-exec", is_killed ? 0 : 1);
	for (int i = 0; i < children; i++) {
		if (is_killed)
			kill_child(pids[i]);
		else if (!is_fixed)
			say_holder(pids[i], connection, "exec");
	}
	target_hold();
	return 0;
}
