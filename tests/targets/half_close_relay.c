/* SPDX-License-Identifier: MIT */
/*
 * A proxy: the client has sent everything and says so; the proxy passes that on by shutting down
 * the writing half of its connection to the other server, which never ends.
 *
 *     half_close_relay [--shape=loop|threads] [--fixed]
 *
 * Without a shape it copies to the end and is done.  loop: a thread polls both sides, and then goes
 * on waiting for the server.  threads: one for each direction; the server's waits on.
 * --fixed: it closes both.
 */
#include "serve.h"
#include "target_threads.h"
#include "target_upstream.h"

static int client, server;

/* Returns 0 at the end, which it passes on. */
static ssize_t pump(void)
{
	char text[256];
	ssize_t size;
	int failed;

	MARK_NEXT(eof);
	size = read(client, text, sizeof(text));
	if (size > 0) {
		TARGET_CHECK(write(server, text, (size_t)size) == size);
		return size;
	}
	MARK_NEXT(shutdown);
	failed = shutdown(server, SHUT_WR);
	TARGET_CHECK(!failed);
	return 0;
}

static void relay(void *unused)
{
	(void)unused;
	while (pump() > 0)
		;
}

/* Of no interest: passed on, it would be a use of the client's connection. */
static bool drop_answer(void)
{
	char text[256];

	return read(server, text, sizeof(text)) > 0;
}

static void drop_answers(void *unused)
{
	(void)unused;
	while (drop_answer())
		;
}

static void relay_both(void *unused)
{
	struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};

	(void)unused;
	while (poll(ends, 2, -1) > 0) {
		if (ends[0].revents && pump() == 0)
			ends[0].fd = -1;
		if (ends[1].revents && !drop_answer())
			break;
	}
}

/* With a shape threads go on, which is no matter to who closes under their hands. */
static void relay_in_shape(bool is_loop, bool is_threads)
{
	static struct target_thread there, back;

	if (is_loop) {
		target_thread_start(&there, relay_both, NULL);
	} else if (is_threads) {
		target_thread_start(&there, relay, NULL);
		target_thread_start(&back, drop_answers, NULL);
	} else {
		relay(NULL);
	}
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	struct target_upstream upstream;
	struct sockaddr_in address;
	int listener;

	target_begin();
	target_expect(is_fixed ? NULL : "half-close-relay", "leak", 1);
	upstream = target_upstream_start(1, 0);
	listener = target_listen(0);
	target_start_clients(target_port(listener), 1, TARGET_HALF);
	client = take(listener);
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address = target_address(upstream.port);
	TARGET_CHECK(connect(server, (struct sockaddr *)&address, sizeof(address)) == 0);
	relay_in_shape(target_has_option(argc, argv, "--shape=loop"),
		       target_has_option(argc, argv, "--shape=threads"));
	target_wait_end_acknowledged(server);
	if (is_fixed) {
		close(client);
		close(server);
	}
	target_hold();
	return 0;
}
