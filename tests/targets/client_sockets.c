/* SPDX-License-Identifier: MIT */
/*
 * A program that is the client, and does not close what it connected:
 * --shape=reconnect: it notices that the server hung up, connects again and drops the old socket;
 * abandoned: it connects anew for each request while the old connections live; pooled: it keeps the
 * only one for later; reused: it keeps three, which it has used twice; goodbye, reset: it keeps the
 * only one, and the server says a word before it hangs up, or resets the connection.
 * --fixed: it closes (pooled: it looks before it keeps, which is what a good pool does).
 */
#include "target_upstream.h"

static const struct shape {
	const char *option, *cause, *verdict;
	int requests, hang_up_at_once, count;
	bool is_reused;
	char word; /* to the server; 0: hang up */
} shapes[] = {
	{"--shape=reconnect", "replaced-by-reconnect", "leak", 3, 2, 2},
	{"--shape=abandoned", "abandoned-client", "leak", 3, 0, 3},
	{"--shape=pooled", "idle-pooled-client", "idle", 1, 0, 1},
	{"--shape=reused", "idle-pooled-client", "idle", 3, 0, 3, true},
	{"--shape=goodbye", "idle-pooled-client", "idle", 1, 0, 1, .word = 'b'},
	{"--shape=reset", "idle-pooled-client", "idle", 1, 0, 1, .word = 'r'},
};

static const struct shape *shape;

static void exchange(int fd)
{
	char answer[6];

	TARGET_CHECK(write(fd, "hi", 2) == 2);
	TARGET_CHECK(read(fd, answer, sizeof(answer)) == sizeof(answer));
}

static int request(const struct target_upstream *upstream)
{
	struct sockaddr_in address = target_address(upstream->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), failed;

	MARK_NEXT(created);
	failed = connect(fd, (struct sockaddr *)&address, sizeof(address));
	TARGET_CHECK(!failed);
	exchange(fd);
	return fd;
}

static void wait_for_the_end(int fd)
{
	char byte;

	target_wait_event(fd, POLLIN);
	TARGET_CHECK(read(fd, &byte, 1) == 0);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	struct target_upstream upstream;
	int fds[TARGET_UPSTREAM_MAX];

	target_begin();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (target_has_option(argc, argv, shapes[i].option))
			shape = &shapes[i];
	TARGET_CHECK(shape);
	target_expect(is_fixed ? NULL : shape->cause, shape->verdict, shape->count);
	upstream = target_upstream_start(shape->requests, shape->hang_up_at_once);
	for (int i = 0; i < shape->requests; i++) {
		fds[i] = request(&upstream);
		if (i < shape->hang_up_at_once)
			wait_for_the_end(fds[i]);
		if (is_fixed)
			close(fds[i]);
		poll(NULL, 0, 100); /* the next request is clearly later */
	}
	if (shape->is_reused && !is_fixed) {
		TARGET_CHECK(write(upstream.word, "a", 1) == 1);
		for (int i = 0; i < shape->requests; i++)
			exchange(fds[i]);
	}
	if (!shape->hang_up_at_once && !is_fixed) {
		poll(NULL, 0, shape->word ? 400 : 0); /* an answer would come sooner */
		TARGET_CHECK(write(upstream.word, shape->word ? &shape->word : "x", 1) == 1);
		for (int i = 0; i < shape->requests; i++)
			target_wait_fin(fds[i]);
	}
	target_hold();
	return 0;
}
