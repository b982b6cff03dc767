/* SPDX-License-Identifier: MIT */
/*
 * Workers that have two numbers for a connection, read its end, and close one of them.
 *
 *     kept_twice --shape=NAME ... (see copies.h)
 *
 * dup, dupfd: a second number by that call.  stdio: it is served on descriptors 0 and 1, as by
 * inetd, and 0 is closed.  fdopen: a stream to read from and one to write to; one is closed.  The
 * worker itself accepts, but for inherited: it is forked for a connection that its parent accepted.
 */
#include "serve.h"
#include "copies.h"

enum { HIGH = 700 };

static pid_t pids[CHILDREN_MAX];
static int kept[CHILDREN_MAX];

static void serve_to_end(int fd)
{
	read_hello(fd);
	if (is_killed)
		child_await_kill();
	read_to_end(fd);
}

/* The first close is the one that is missing in the leaking program. */
static void close_both(int kept_fd, int fd)
{
	if (is_fixed)
		close(kept_fd);
	MARK_NEXT(closed_elsewhere);
	close(fd);
}

static void serve_by_dup(int fd)
{
	int copy;

	MARK_NEXT(duplicated);
	copy = dup(fd);
	serve_to_end(fd);
	close_both(copy, fd);
}

static void serve_by_dupfd(int fd)
{
	int copy;

	MARK_NEXT(duplicated);
	copy = fcntl(fd, F_DUPFD, HIGH);
	serve_to_end(fd);
	close_both(copy, fd);
}

static void serve_by_stdio(int fd)
{
	dup2(fd, STDIN_FILENO);
	MARK_NEXT(duplicated);
	dup2(fd, STDOUT_FILENO);
	close(fd);
	serve_to_end(STDIN_FILENO);
	close_both(STDOUT_FILENO, STDIN_FILENO);
}

static void serve_by_fdopen(int fd)
{
	FILE *in = fdopen(fd, "r"), *out;
	char text[64];

	MARK_NEXT(duplicated);
	out = fdopen(dup(fd), "w");
	TARGET_CHECK(in && out);
	if (is_killed)
		child_await_kill();
	while (fgets(text, sizeof(text), in))
		;
	if (is_fixed)
		fclose(out);
	MARK_NEXT(closed_elsewhere);
	fclose(in);
}

static void (*serve)(int fd);

static void be_worker(int fd)
{
	child_begin();
	serve(fd);
	child_stay();
}

static void fork_worker(int number)
{
	pids[number] = fork();
	TARGET_CHECK(pids[number] >= 0);
	if (pids[number] == 0)
		be_worker(take_inheritable(listener));
	await_child();
}

static void fork_server(int number)
{
	int fd = take_inheritable(listener);

	pids[number] = fork();
	TARGET_CHECK(pids[number] >= 0);
	if (pids[number] == 0)
		be_worker(fd);
	close(fd);
	await_child();
}

/* The lowest free number of a worker, which its first descriptor gets, and the second. */
static void run(void (*fork_one)(int number), void (*serve_one)(int fd), int kept_fd)
{
	serve = serve_one;
	bring_clients(children);
	for (int i = 0; i < children; i++) {
		fork_one(i);
		kept[i] = kept_fd;
	}
}

static int second_number(void)
{
	int first = dup(STDIN_FILENO), second = dup(STDIN_FILENO);

	close(first);
	close(second);
	return second;
}

static void run_dup(void)
{
	run(fork_worker, serve_by_dup, second_number());
}

static void run_dupfd(void)
{
	run(fork_worker, serve_by_dupfd, HIGH);
}

static void run_stdio(void)
{
	run(fork_worker, serve_by_stdio, STDOUT_FILENO);
}

static void run_fdopen(void)
{
	run(fork_worker, serve_by_fdopen, second_number());
}

static void run_inherited(void)
{
	run(fork_server, serve_by_dup, second_number());
}

static const struct shape shapes[] = {
	{"dup", run_dup, "take_inheritable serve_by_dup read_to_end close_both", NULL},
	{"dupfd", run_dupfd, "take_inheritable serve_by_dupfd read_to_end close_both", NULL},
	{"stdio", run_stdio, "take_inheritable serve_by_stdio read_to_end close_both", NULL},
	{"fdopen", run_fdopen, "take_inheritable serve_by_fdopen", NULL},
	{"inherited", run_inherited, "take_inheritable serve_by_dup read_to_end close_both", NULL},
};

int main(int argc, char **argv)
{
	const struct shape *shape =
		copies_begin(argc, argv, shapes, sizeof(shapes) / sizeof(shapes[0]));

	shape->run();
	say_expected(shape, "duplicate-kept", is_killed ? 0 : children);
	for (int i = 0; i < children; i++) {
		if (is_killed)
			kill_child(pids[i]);
		else if (!is_fixed)
			say_holder(pids[i], kept[i], "dup");
	}
	target_hold();
	return 0;
}
