/* SPDX-License-Identifier: MIT */
/*
 * A server that forgets its connections until there is no descriptor left.
 *
 *     --shape=accept  it accepts, reads to the end and forgets
 *     --shape=socket  the same, and what fails is a socket() of its own
 *     --fixed         it runs into the limit as well, by files, and gives them back
 */
#include "serve.h"

#include <sys/resource.h>

enum { LIMIT = 40, FILES_MAX = LIMIT };

static int leaked;

static int try_to_take(int listener)
{
	MARK_NEXT(created);
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

/* Each client is a descriptor, too: it is made in another process. */
static bool serve_one(int listener)
{
	pid_t clients = target_start_clients(target_port(listener), 1, TARGET_DROP);
	int fd = try_to_take(listener);

	target_end_clients(clients);
	if (fd < 0)
		return false;
	read_to_end(fd);
	leaked++;
	return true;
}

static int fail_socket(void)
{
	printf("EXPECT cause=fd-exhaustion verdict=stall count=0 failed=%s:%d\n", __func__,
	       __LINE__ + 1);
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void fill_with_files(int listener, bool is_kept)
{
	int files[FILES_MAX], n = 0;

	while (n < FILES_MAX && (files[n] = dup(STDIN_FILENO)) >= 0)
		n++;
	if (!is_kept)
		TARGET_CHECK(try_to_take(listener) < 0 && errno == EMFILE);
	while (!is_kept && n > 0)
		close(files[--n]);
}

static int line_of(const char *stack)
{
	for (const struct target_mark *const *m = __start_target_marks; m < __stop_target_marks;
	     m++)
		if (strcmp((*m)->stack, stack) == 0)
			return (*m)->line;
	return 0;
}

/* The last client stays in the queue. */
static void expect_of_accept(void)
{
	int line = line_of("created");

	target_expect("eof-read-not-closed", "leak", leaked);
	printf("EXPECT cause=fd-exhaustion verdict=stall count=1 last_accept=try_to_take:%d\n",
	       line);
	printf("EXPECT cause=unaccepted-backlog verdict=stall count=1 last_accept=try_to_take:%d\n",
	       line);
}

int main(int argc, char **argv)
{
	const struct rlimit limit = {LIMIT, LIMIT};
	bool by_socket = target_has_option(argc, argv, "--shape=socket");
	int listener;

	target_begin();
	listener = target_listen(0);
	TARGET_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	if (target_has_option(argc, argv, "--fixed")) {
		target_expect(NULL, NULL, 0);
		fill_with_files(listener, false);
	} else if (by_socket) {
		for (int i = 0; i < LIMIT / 2; i++)
			TARGET_CHECK(serve_one(listener));
		target_expect("eof-read-not-closed", "leak", leaked);
		fill_with_files(listener, true);
		TARGET_CHECK(fail_socket() < 0 && errno == EMFILE);
	} else {
		while (serve_one(listener))
			;
		expect_of_accept();
	}
	target_hold();
	return 0;
}
