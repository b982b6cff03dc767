/* SPDX-License-Identifier: MIT */
/*
 * Connections are accepted and served by forked processes; who accepted them never closes.
 *
 *     kept_by_parent --shape=NAME ... (see copies.h)
 *
 * connection: a child a connection.  stdio: as inetd does it, on descriptors 0 and 1.  daemon: the
 * child forks once more and ends, and its child serves.  crowd: all are accepted before the first
 * fork, so that each worker gets copies of all; each serves one of them and closes the others.
 * clone: clone() starts the child in a function of its own.  handler: the child serves in a handler
 * of pthread_atfork().
 */
#include "serve.h"
#include "copies.h"

#include <pthread.h>
#include <sched.h>

static int fds[CHILDREN_MAX];

static void serve(int fd)
{
	child_begin();
	if (is_killed) {
		read_hello(fd);
		child_await_kill();
	}
	read_to_end(fd);
	MARK_NEXT(closed_elsewhere);
	close(fd);
	child_tell();
	_exit(0);
}

static void fork_server(int fd)
{
	pid_t pid;

	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid == 0)
		serve(fd);
}

static void fork_super_server(int fd)
{
	pid_t pid;

	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid > 0)
		return;
	child_begin();
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	read_hello(STDIN_FILENO);
	if (is_killed)
		child_await_kill();
	read_to_end(STDIN_FILENO);
	child_tell();
	_exit(0);
}

static void fork_daemon(int fd)
{
	pid_t pid;

	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid > 0) {
		TARGET_CHECK(waitpid(pid, NULL, 0) == pid);
		return;
	}
	setsid();
	if (fork() == 0)
		serve(fd);
	_exit(0);
}

static void end_child(void)
{
	pid_t pid = await_child();

	if (is_killed)
		kill_child(pid);
	else
		TARGET_CHECK(waitpid(pid, NULL, 0) == pid);
}

static void serve_each(void (*fork_one)(int fd))
{
	bring_clients(children);
	for (int i = 0; i < children; i++) {
		fds[i] = take_inheritable(listener);
		fork_one(fds[i]);
		end_child();
	}
}

static void run_connection(void)
{
	serve_each(fork_server);
}

static void run_stdio(void)
{
	serve_each(fork_super_server);
}

static void run_daemon(void)
{
	serve_each(fork_daemon);
}

static void fork_worker(int number)
{
	pid_t pid;

	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid > 0)
		return;
	for (int i = 0; i < children; i++)
		if (i != number)
			close(fds[i]);
	serve(fds[number]);
}

static void run_crowd(void)
{
	bring_clients(children);
	for (int i = 0; i < children; i++)
		fds[i] = take_inheritable(listener);
	for (int i = 0; i < children; i++)
		fork_worker(i);
	for (int i = 0; i < children; i++)
		end_child();
}

static int serve_cloned(void *argument)
{
	serve(*(int *)argument);
	return 0;
}

static void clone_server(int fd)
{
	static __attribute__((aligned(16))) char stack[1 << 16];
	pid_t pid;

	MARK_NEXT(forked);
	pid = clone(serve_cloned, stack + sizeof(stack), SIGCHLD, &fd);
	TARGET_CHECK(pid > 0);
}

static void run_clone(void)
{
	serve_each(clone_server);
}

static int fd_of_handler;

static void serve_in_handler(void)
{
	if (fd_of_handler)
		serve(fd_of_handler);
}

static void fork_into_handler(int fd)
{
	pid_t pid;

	fd_of_handler = fd;
	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid > 0);
}

static void run_handler(void)
{
	TARGET_CHECK(pthread_atfork(NULL, NULL, serve_in_handler) == 0);
	serve_each(fork_into_handler);
}

static const struct shape shapes[] = {
	{"connection", run_connection, "take_inheritable fork_server read_to_end serve",
	 "take_inheritable fork_server"},
	{"stdio", run_stdio, "take_inheritable fork_super_server read_to_end",
	 "take_inheritable fork_super_server"},
	{"daemon", run_daemon, "take_inheritable fork_daemon read_to_end serve",
	 "take_inheritable fork_daemon"},
	{"crowd", run_crowd, "take_inheritable fork_worker read_to_end serve",
	 "take_inheritable fork_worker"},
	{"clone", run_clone, "take_inheritable clone_server read_to_end serve",
	 "take_inheritable clone_server"},
	{"handler", run_handler, "take_inheritable fork_into_handler read_to_end serve",
	 "take_inheritable fork_into_handler"},
};

int main(int argc, char **argv)
{
	const struct shape *shape =
		copies_begin(argc, argv, shapes, sizeof(shapes) / sizeof(shapes[0]));

	shape->run();
	say_expected(shape, "parent-kept-copy", children);
	for (int i = 0; i < children; i++) {
		if (is_fixed)
			close(fds[i]);
		else
			say_holder(getpid(), fds[i], "accept");
	}
	target_hold();
	return 0;
}
