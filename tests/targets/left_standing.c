/* SPDX-License-Identifier: MIT */
/*
 * A program whose peers hang up, that reads nothing of it and closes only a good while later: what
 * stands in CLOSE_WAIT until then can be seen from outside alone.  It says STANDING and goes on
 * when a byte comes.
 *
 *     --shape=client  connections that it made, each used once
 *     --shape=pool    the same, but each was used again: a pool may take its time
 *     --shape=child   accepted, served and closed by a forked child that makes no socket
 *     --shape=unseen  accepted, and closed by a system call of its own, which no library sees
 *     --shape=killed  accepted, and the program is killed while they stand
 *     --killed        client, pool and busy: so is it there, before anything is closed
 *     --shape=busy    the program goes on sending, as it may
 *     --at-end        they are closed on the way out, when its input has ended
 *     --fixed         it closes at once
 */
#include "raw_call.h"
#include "serve.h"
#include "target_upstream.h"

#include <sys/syscall.h>

enum { COUNT = 3, SLICE_MS = 20 };

static bool at_end, is_killed;

static void give_up(int fd)
{
	MARK_NEXT(closed_elsewhere);
	TARGET_CHECK(close(fd) == 0);
}

static void give_up_unseen(int fd)
{
	TARGET_CHECK(raw_call(SYS_close, fd, 0, 0, 0) == 0);
}

static void stand_no_more(void)
{
	puts("READY");
	kill(getpid(), SIGKILL);
}

static void await_word(void)
{
	char byte;

	puts("STANDING");
	TARGET_CHECK(read(STDIN_FILENO, &byte, 1) == 1);
}

static void stand(void)
{
	await_word();
	if (is_killed)
		stand_no_more();
	if (at_end)
		target_hold();
}

static void exchange(int fd)
{
	char answer[6];

	TARGET_CHECK(write(fd, "hi", 2) == 2);
	TARGET_CHECK(read(fd, answer, sizeof(answer)) == sizeof(answer));
}

static int call(int port)
{
	struct sockaddr_in address = target_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), failed;

	MARK_NEXT(created);
	failed = connect(fd, (struct sockaddr *)&address, sizeof(address));
	TARGET_CHECK(!failed);
	exchange(fd);
	return fd;
}

static void be_client(bool is_pool, bool is_fixed)
{
	struct target_upstream upstream = target_upstream_start(COUNT, 0);
	int fds[COUNT];

	for (int i = 0; i < COUNT; i++)
		fds[i] = call(upstream.port);
	if (is_pool)
		TARGET_CHECK(write(upstream.word, "a", 1) == 1);
	for (int i = 0; i < COUNT && is_pool; i++)
		exchange(fds[i]);
	TARGET_CHECK(write(upstream.word, "x", 1) == 1);
	for (int i = 0; i < COUNT; i++)
		target_wait_fin(fds[i]);
	if (!is_fixed)
		stand();
	for (int i = 0; i < COUNT; i++)
		give_up(fds[i]);
}

static void take_all(int *fds, const char *manner)
{
	int listener = target_listen(0);
	pid_t clients = target_start_clients(target_port(listener), COUNT, manner);

	for (int i = 0; i < COUNT; i++)
		fds[i] = take(listener);
	for (int i = 0; i < COUNT; i++)
		target_wait_fin(fds[i]);
	target_end_clients(clients);
	close(listener);
}

static void be_server(void (*end)(int), bool is_fixed)
{
	int fds[COUNT];

	take_all(fds, TARGET_DROP);
	if (!is_fixed)
		stand();
	for (int i = 0; i < COUNT; i++)
		end(fds[i]);
}

static void be_killed(bool is_fixed)
{
	int fds[COUNT];
	char text[16];

	take_all(fds, TARGET_DROP);
	for (int i = 0; i < COUNT; i++) {
		TARGET_CHECK(read(fds[i], text, 2) == 2);
		if (is_fixed)
			give_up(fds[i]);
	}
	await_word();
	stand_no_more();
}

/* It makes no socket, so it has no session of its own. */
static void serve_in_child(const int *fds, bool is_fixed)
{
	if (!is_fixed)
		await_word();
	for (int i = 0; i < COUNT; i++)
		give_up(fds[i]);
	_exit(0);
}

static void be_parent(bool is_fixed)
{
	int fds[COUNT];
	pid_t child;

	take_all(fds, TARGET_DROP);
	child = fork();
	TARGET_CHECK(child >= 0);
	if (child == 0)
		serve_in_child(fds, is_fixed);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	target_end_clients(child);
}

static void be_busy(void)
{
	struct pollfd word = {STDIN_FILENO, POLLIN, 0};
	int listener = target_listen(0), fd;
	pid_t client = target_start_clients(target_port(listener), 1, TARGET_HALF);

	fd = take(listener);
	target_wait_fin(fd);
	puts("STANDING");
	do
		TARGET_CHECK(write(fd, "more", 4) == 4);
	while (poll(&word, 1, SLICE_MS) == 0);
	if (is_killed)
		stand_no_more();
	close(fd);
	target_end_clients(client);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");

	target_begin();
	at_end = target_has_option(argc, argv, "--at-end");
	is_killed = target_has_option(argc, argv, "--killed");
	if (target_has_option(argc, argv, "--shape=client"))
		be_client(false, is_fixed);
	else if (target_has_option(argc, argv, "--shape=pool"))
		be_client(true, is_fixed);
	else if (target_has_option(argc, argv, "--shape=child"))
		be_parent(is_fixed);
	else if (target_has_option(argc, argv, "--shape=unseen"))
		be_server(give_up_unseen, is_fixed);
	else if (target_has_option(argc, argv, "--shape=killed"))
		be_killed(is_fixed);
	else
		be_busy();
	if (!at_end)
		target_hold();
	return 0;
}
