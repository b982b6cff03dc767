/* SPDX-License-Identifier: MIT */
/*
 * A connection is served and closed by who accepted it; children forked meanwhile for other things
 * still have copies.
 *
 *     kept_by_child --shape=NAME ... (see copies.h)
 *
 * helper: helpers that make no sockets.  pool: workers that accept connections of their own from
 * the same listener.  daemon: as helper, forked twice.  worker: it is a forked worker that accepts,
 * and its helpers that keep copies.
 */
#include "copies.h"

static pid_t pids[CHILDREN_MAX], worker;
static int connection;

static void take(void)
{
	bring_clients(1);
	MARK_NEXT(created);
	connection = accept(listener, NULL, NULL);
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

static void begin_helper(void)
{
	child_begin();
	if (is_fixed)
		close(connection);
}

static void fork_helper(void)
{
	pid_t pid;

	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid > 0)
		return;
	begin_helper();
	child_stay();
}

/* One connection of its own, served well. */
static void serve_one(void)
{
	char byte;
	int fd = accept(listener, NULL, NULL);

	TARGET_CHECK(fd >= 0);
	read_hello(fd);
	TARGET_CHECK(read(fd, &byte, 1) == 0);
	close(fd);
}

static void fork_worker(void)
{
	pid_t pid;

	MARK_NEXT(forked);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid > 0)
		return;
	begin_helper();
	serve_one();
	child_stay();
}

static void fork_daemon(void)
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
	if (fork() > 0)
		_exit(0);
	begin_helper();
	child_stay();
}

static void fork_children(void (*fork_one)(void))
{
	for (int i = 0; i < children; i++)
		fork_one();
	for (int i = 0; i < children; i++)
		pids[i] = await_child();
}

static void run_helper(void)
{
	take();
	fork_children(fork_helper);
	end();
}

static void run_pool(void)
{
	take();
	bring_clients(children);
	fork_children(fork_worker);
	end();
}

static void run_daemon(void)
{
	take();
	fork_children(fork_daemon);
	end();
}

/* The helpers tell the worker who they are, and it tells us.  It ends when we do. */
static void be_worker(int to_parent)
{
	child_begin();
	take();
	fork_children(fork_helper);
	end();
	TARGET_CHECK(write(to_parent, &connection, sizeof(connection)) == sizeof(connection));
	TARGET_CHECK(write(to_parent, pids, sizeof(pids)) == sizeof(pids));
	close(to_parent);
	target_hold();
	exit(0);
}

static void run_worker(void)
{
	int answer[2];

	TARGET_CHECK(pipe2(answer, O_CLOEXEC) == 0);
	worker = fork();
	if (worker == 0)
		be_worker(answer[1]);
	close(answer[1]);
	TARGET_CHECK(read(answer[0], &connection, sizeof(connection)) == sizeof(connection));
	TARGET_CHECK(read(answer[0], pids, sizeof(pids)) == sizeof(pids));
	close(answer[0]);
}

static const struct shape shapes[] = {
	{"helper", run_helper, "take fork_helper end", NULL},
	{"pool", run_pool, "take fork_worker end", NULL},
	{"daemon", run_daemon, "take fork_daemon end", NULL},
	{"worker", run_worker, "take fork_helper end", NULL},
};

/* A child's end is the close of its copy. */
static void kill_children(void)
{
	for (int i = 0; i < children; i++) {
		TARGET_CHECK(kill(pids[i], SIGKILL) == 0);
		waitpid(pids[i], NULL, 0); /* the worker's own are its own */
	}
}

int main(int argc, char **argv)
{
	const struct shape *shape =
		copies_begin(argc, argv, shapes, sizeof(shapes) / sizeof(shapes[0]));

	shape->run();
	say_expected(shape, "child-kept-copy", is_killed ? 0 : 1);
	if (is_killed)
		kill_children();
	for (int i = 0; i < children && !is_killed && !is_fixed; i++)
		say_holder(pids[i], connection, "fork");
	target_hold();
	TARGET_CHECK(!worker || waitpid(worker, NULL, 0) == worker);
	return 0;
}
