/* SPDX-License-Identifier: MIT */
/*
 * A dispatcher accepts connections and sends them to workers (SCM_RIGHTS, unix(7)), which serve and
 * close them; it does not close its own descriptors.
 *
 *     kept_by_sender --shape=NAME ... (see copies.h)
 *
 * workers: a forked worker for each connection.  single: one forked worker for all.  late: as
 * workers, but each is forked when its connection is there already, so that workers have copies of
 * one another's connections too.  exec: the workers are executed.  bare: executed without the shim.
 * duplicate: what is sent is a duplicate, and that is closed.  gone: as workers, but each ends when
 * it has served.
 */
#include "serve.h"
#include "copies.h"

static int fds[CHILDREN_MAX], channels[CHILDREN_MAX];
static pid_t pids[CHILDREN_MAX];
static bool is_ending;
static char program[4096], worker_word[] = "--worker", killed_word[] = "--killed";

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void send_right(int channel, int fd)
{
	char byte = 0;
	struct iovec data = {&byte, 1};
	union control control = {.header = {sizeof(control), SOL_SOCKET, SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t size;

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	MARK_NEXT(passed);
	size = sendmsg(channel, &message, 0);
	TARGET_CHECK(size == 1);
}

static int receive_right(int channel)
{
	char byte;
	struct iovec data = {&byte, 1};
	union control control;
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fd;

	TARGET_CHECK(recvmsg(channel, &message, 0) == 1);
	TARGET_CHECK(control.header.cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void serve(int fd)
{
	char text[64];
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = read(fd, text, sizeof(text));
	} while (size > 0);
	TARGET_CHECK(size == 0);
	MARK_NEXT(closed_elsewhere);
	close(fd);
}

/* Serves as many as it is told to. */
static void be_worker(int channel, int quota)
{
	while (quota-- > 0) {
		int fd = receive_right(channel);

		if (is_killed)
			read_hello(fd);
		else
			serve(fd);
		if (quota)
			child_tell();
	}
	if (is_killed)
		child_await_kill();
	if (!is_ending)
		child_stay();
	child_tell();
	exit(0);
}

static void open_channel(int ends[2])
{
	TARGET_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
}

static void fork_worker(int number, int quota)
{
	int ends[2];

	open_channel(ends);
	pids[number] = fork();
	TARGET_CHECK(pids[number] >= 0);
	if (pids[number] == 0) {
		child_begin();
		close(ends[0]);
		for (int i = 0; i < number; i++)
			close(channels[i]);
		if (is_fixed && fds[number])
			close(fds[number]);
		be_worker(ends[1], quota);
	}
	close(ends[1]);
	channels[number] = ends[0];
}

/* Its channel is its standard input. */
static void execute_worker(int number, char **environment)
{
	char shape_word[] = "--shape=exec", leash_word[32], news_word[32];
	char *argv[] = {program,    worker_word, shape_word,
			leash_word, news_word,	 is_killed ? killed_word : NULL,
			NULL};
	int ends[2];

	snprintf(leash_word, sizeof(leash_word), "--leash=%d", leash);
	snprintf(news_word, sizeof(news_word), "--news=%d", news[1]);
	open_channel(ends);
	pids[number] = fork();
	TARGET_CHECK(pids[number] >= 0);
	if (pids[number] == 0) {
		child_begin();
		dup2(ends[1], STDIN_FILENO);
		fcntl(news[1], F_SETFD, 0);
		for (int i = 0; i <= number; i++)
			fcntl(i < number ? channels[i] : ends[0], F_SETFD, FD_CLOEXEC);
		close(ends[1]);
		execve(program, argv, environment);
		target_die("execve");
	}
	close(ends[1]);
	channels[number] = ends[0];
}

static void fork_workers(void)
{
	for (int i = 0; i < children; i++)
		fork_worker(i, 1);
}

static void dispatch(void)
{
	for (int i = 0; i < children; i++) {
		fds[i] = take_inheritable(listener);
		send_right(channels[i], fds[i]);
		await_child();
	}
}

static void run_workers(void)
{
	fork_workers();
	dispatch();
}

static void run_gone(void)
{
	is_ending = true;
	run_workers();
	for (int i = 0; i < children && !is_killed; i++)
		TARGET_CHECK(waitpid(pids[i], NULL, 0) == pids[i]);
}

static void run_single(void)
{
	fork_worker(0, children);
	for (int i = 1; i < children; i++)
		channels[i] = channels[0];
	dispatch();
}

static void run_late(void)
{
	for (int i = 0; i < children; i++) {
		fds[i] = take_inheritable(listener);
		fork_worker(i, 1);
		send_right(channels[i], fds[i]);
		await_child();
		if (is_fixed)
			close(fds[i]);
	}
}

extern char **environ;

static void execute_workers(char **environment)
{
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);

	TARGET_CHECK(size > 0);
	for (int i = 0; i < children; i++)
		execute_worker(i, environment);
}

static void run_exec(void)
{
	execute_workers(environ);
	dispatch();
}

static void run_bare(void)
{
	char *nothing[] = {NULL};

	execute_workers(nothing);
	dispatch();
}

static void run_duplicate(void)
{
	fork_workers();
	for (int i = 0; i < children; i++) {
		int copy;

		fds[i] = take_inheritable(listener);
		copy = dup(fds[i]);
		send_right(channels[i], copy);
		close(copy);
		await_child();
	}
}

static const struct shape shapes[] = {
	{"workers", run_workers, "take_inheritable send_right serve",
	 "take_inheritable send_right"},
	{"single", run_single, "take_inheritable send_right serve", "take_inheritable send_right"},
	{"late", run_late, "take_inheritable send_right serve", "take_inheritable send_right"},
	{"exec", run_exec, "take_inheritable send_right serve", "take_inheritable send_right"},
	{"bare", run_bare, "take_inheritable send_right", "take_inheritable send_right"},
	{"gone", run_gone, "take_inheritable send_right serve", "take_inheritable send_right"},
	{"duplicate", run_duplicate, "take_inheritable send_right serve",
	 "take_inheritable send_right"},
};

static void kill_workers(void)
{
	for (int i = 0; i < children; i++)
		if (pids[i])
			kill_child(pids[i]);
}

/* A worker has copies of the connections that were there before it. */
static void say_copies_of_workers(int connection)
{
	for (int i = connection; i < children; i++)
		say_holder(pids[i], fds[connection], "fork");
}

int main(int argc, char **argv)
{
	const struct shape *shape;

	if (target_has_option(argc, argv, worker_word)) {
		is_killed = target_has_option(argc, argv, killed_word);
		leash = target_number(argc, argv, "--leash=", -1);
		news[1] = target_number(argc, argv, "--news=", -1);
		be_worker(STDIN_FILENO, 1);
	}
	shape = copies_begin(argc, argv, shapes, sizeof(shapes) / sizeof(shapes[0]));
	bring_clients(children);
	shape->run();
	say_expected(shape, "passed-copy-kept", children);
	if (is_killed)
		kill_workers();
	for (int i = 0; i < children; i++) {
		if (is_fixed) {
			if (shape->run != run_late)
				close(fds[i]);
			continue;
		}
		say_holder(getpid(), fds[i], "accept");
		if (shape->run == run_late && !is_killed)
			say_copies_of_workers(i);
	}
	target_hold();
	return 0;
}
