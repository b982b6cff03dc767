/* SPDX-License-Identifier: MIT */
/*
 * A daemon closes 3..N, then opens sockets on those numbers.  An unwinder that kept a pipe there
 * would now read from and write to the peers' connections while it validates addresses.  Under the
 * shim every accept and close walks the stack; each peer must still get its bytes, and no others,
 * and the descriptors must be the ones that the program opened.
 * Where the shim knows the layouts of all frames it needs no unwinder, so a function that tells
 * nothing of its frame is on each of these stacks.
 * --leak: one more socket is left behind, so that a report shows how far the stack was walked.
 */
#include "target.h"
#include "untold.h"

enum { FIRST = 3, LAST = 63, PAIRS = 20, ROUNDS = 50 };

struct pair {
	int client;
	int server;
};

static void close_all(void)
{
	for (int fd = FIRST; fd <= LAST; fd++)
		close(fd);
}

static struct pair open_pair(int listener)
{
	struct sockaddr_in address = target_address(target_port(listener));
	struct pair pair = {socket(AF_INET, SOCK_STREAM, 0), -1};

	TARGET_CHECK(pair.client >= 0);
	TARGET_CHECK(connect(pair.client, (struct sockaddr *)&address, sizeof(address)) == 0);
	pair.server = accept(listener, NULL, NULL);
	TARGET_CHECK(pair.server >= 0);
	return pair;
}

static void close_pair(struct pair pair)
{
	TARGET_CHECK(close(pair.client) == 0);
	TARGET_CHECK(close(pair.server) == 0);
}

static int open_and_close(int listener)
{
	close_pair(open_pair(listener));
	return 0;
}

static int leak(int listener)
{
	struct pair pair = open_pair(listener);

	close(pair.client);
	target_wait_fin(pair.server);
	return pair.server;
}

/* Ever different depths of the stack give the unwinder new addresses to validate. */
static __attribute__((noinline)) void open_and_close_at_depth(int listener, int depth)
{
	volatile char space[512];

	space[0] = (char)depth;
	if (depth > 0)
		open_and_close_at_depth(listener, depth - 1);
	else
		call_untold(open_and_close, listener);
	(void)space[0];
}

static __attribute__((noinline)) int leak_at_depth(int listener, int depth)
{
	return depth > 0 ? leak_at_depth(listener, depth - 1) : call_untold(leak, listener);
}

static void expect_hello(int fd)
{
	char text[64] = "";

	target_wait_event(fd, POLLIN);
	if (recv(fd, text, sizeof(text) - 1, 0) == 5 && strcmp(text, "hello") == 0)
		return;
	fprintf(stderr, "target: \"%s\" arrived for \"hello\"\n", text);
	exit(1);
}

/* Bytes wait in both directions while the shim walks a stack. */
static void exchange(struct pair pair, int listener, int depth)
{
	TARGET_CHECK(send(pair.client, "hello", 5, 0) == 5);
	TARGET_CHECK(send(pair.server, "hello", 5, 0) == 5);
	open_and_close_at_depth(listener, depth);
	expect_hello(pair.server);
	expect_hello(pair.client);
}

/* The test compares this with a run without the shim. */
static void print_descriptors(void)
{
	fputs("DESCRIPTORS", stdout);
	for (int fd = 0; fd < (int)sysconf(_SC_OPEN_MAX) && fd < 1 << 20; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct pair pairs[PAIRS];
	int listener;
	bool is_leaking = target_has_option(argc, argv, "--leak");

	target_begin();
	target_expect(is_leaking ? "unread-not-closed" : NULL, "leak", 1);
	close_all();
	listener = target_listen(0);
	for (int i = 0; i < PAIRS; i++)
		pairs[i] = open_pair(listener);
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < PAIRS; i++)
			exchange(pairs[i], listener, round % 10);
	print_descriptors();
	puts("INTACT");
	if (is_leaking)
		TARGET_CHECK(leak_at_depth(listener, 8) >= 0);
	target_hold();
	for (int i = 0; i < PAIRS; i++)
		close_pair(pairs[i]);
	return 0;
}
