/* SPDX-License-Identifier: MIT */
/*
 * A server that forgets connections under a seccomp filter, which kills it for any call that it
 * does not make itself.
 *
 *     sandbox_leak launch    sets the filter and executes itself, so that it is on from the start
 *     sandbox_leak under     does the same and serves in a forked child
 *     sandbox_leak later     sets it before it accepts
 *     sandbox_leak child     forks a child that sets it before it accepts
 *     sandbox_leak thread    as launch, in a second thread
 *     sandbox_leak strict    accepts, and lets nothing but read and write be called afterwards
 *     ... --unread           leaves the end-of-file unread
 *     ... --fixed            closes; strict, which may not, shuts nothing and forgets nothing
 *
 * Each forgets three connections, whose peers are in the process itself and have been closed.
 */
#include "sandbox.h"

#include <pthread.h>

enum { COUNT = 3 };

static bool is_fixed, is_unread;
static int listener;
static struct sockaddr_in address;

static int take(void)
{
	int fd;

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	return fd;
}

static void read_to_end(int fd)
{
	char byte;

	MARK_NEXT(eof);
	TARGET_CHECK(read(fd, &byte, 1) == 0);
}

static int connect_and_leave(void)
{
	int client = socket(AF_INET, SOCK_STREAM, 0), fd;

	TARGET_CHECK(client >= 0);
	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	fd = take();
	close(client);
	return fd;
}

static void serve(void)
{
	for (int i = 0; i < COUNT; i++) {
		int fd = connect_and_leave();

		if (!is_unread)
			read_to_end(fd);
		if (is_fixed)
			close(fd);
	}
}

static void say_ready(void)
{
	char byte;

	TARGET_CHECK(write(STDOUT_FILENO, "READY\n", 6) == 6);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static void serve_in_child(bool has_filter)
{
	pid_t child = fork();
	int status;

	TARGET_CHECK(child >= 0);
	if (child == 0) {
		if (!has_filter)
			allow_serving();
		serve();
		say_ready();
		_exit(0);
	}
	TARGET_CHECK(waitpid(child, &status, 0) == child);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

static void *serve_in_thread(void *unused)
{
	serve();
	return unused;
}

/* Threads' stacks of 8 MiB come from mmap, and go by madvise. */
static void use_thread(void)
{
	pthread_t thread;

	TARGET_CHECK(pthread_create(&thread, NULL, serve_in_thread, NULL) == 0);
	TARGET_CHECK(pthread_join(thread, NULL) == 0);
}

/* Linux takes the time-stamp counter away as well (prctl(2), PR_SET_TSC). */
static void be_strict(void)
{
	int fds[COUNT];
	char byte;

	for (int i = 0; i < COUNT; i++)
		fds[i] = connect_and_leave();
	TARGET_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	for (int i = 0; i < COUNT; i++)
		read_to_end(fds[i]);
	if (write(STDOUT_FILENO, "READY\n", 6) == 6)
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	syscall(SYS_exit, 0);
}

static void start_again(char **argv, const char *way)
{
	const char *more = is_fixed ? "--fixed" : is_unread ? "--unread" : NULL;

	allow_starting();
	execl(argv[0], argv[0], way, more, (char *)NULL);
	target_die("exec");
}

static void run(const char *way)
{
	if (strcmp(way, "later") == 0)
		allow_serving();
	if (strcmp(way, "child") == 0)
		serve_in_child(false);
	if (strcmp(way, "work-under") == 0)
		serve_in_child(true);
	if (strcmp(way, "strict") == 0)
		be_strict();
	if (strcmp(way, "work-thread") == 0)
		use_thread();
	else
		serve();
	say_ready();
	_exit(0);
}

int main(int argc, char **argv)
{
	TARGET_CHECK(argc >= 2);
	is_fixed = target_has_option(argc, argv, "--fixed");
	is_unread = target_has_option(argc, argv, "--unread");
	if (strcmp(argv[1], "launch") == 0)
		start_again(argv, "work");
	if (strcmp(argv[1], "under") == 0)
		start_again(argv, "work-under");
	if (strcmp(argv[1], "thread") == 0)
		start_again(argv, "work-thread");
	target_begin();
	target_expect(is_fixed ? NULL : "eof-read-not-closed", "leak", COUNT);
	listener = target_listen(0);
	address = target_address(target_port(listener));
	run(argv[1]);
}
