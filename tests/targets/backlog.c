/* SPDX-License-Identifier: MIT */
/*
 * A server that does not accept: its peers connect, since the kernel does that for them, send, and
 * leave again.
 *
 *     --shape=never    it has not begun to accept
 *     --shape=stopped  it has accepted and served some, and then stopped
 *     --shape=worker   the same, in a child that got the listener by fork
 *     --fixed          it accepts and serves them all
 */
#include "target.h"

enum { SERVED = 2, CLIENTS = 3 };

static int make_listener(void)
{
	struct sockaddr_in address = target_address(0);
	int listener;

	MARK_NEXT(created);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	TARGET_CHECK(listener >= 0);
	TARGET_CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(listen(listener, 16) == 0);
	return listener;
}

static void serve(int listener, const char *expected_of)
{
	char text[256];
	int fd;

	if (expected_of)
		printf("EXPECT cause=unaccepted-backlog verdict=stall count=%d created=%s "
		       "last_accept=%s:%d\n",
		       CLIENTS, expected_of, __func__, __LINE__ + 1);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

/* "make_listener:LINE", from the mark. */
static const char *creation(void)
{
	const struct target_mark *mark = *__start_target_marks;
	static char text[64];

	snprintf(text, sizeof(text), "%s:%d", mark->function, mark->line);
	return text;
}

static void serve_some(int listener, int count, const char *expected_of)
{
	pid_t clients = target_start_clients(target_port(listener), count, TARGET_DROP);

	for (int i = 0; i < count; i++)
		serve(listener, i ? NULL : expected_of);
	target_end_clients(clients);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_never = target_has_option(argc, argv, "--shape=never");
	int listener;

	target_begin();
	listener = make_listener();
	if (is_fixed || is_never)
		target_expect(is_fixed ? NULL : "unaccepted-backlog", "stall", CLIENTS);
	if (target_has_option(argc, argv, "--shape=worker") && fork() > 0) {
		close(listener);
		TARGET_CHECK(wait(NULL) > 0);
		return 0;
	}
	if (!is_never)
		serve_some(listener, SERVED, is_fixed ? NULL : creation());
	if (is_fixed)
		serve_some(listener, CLIENTS, NULL);
	else
		target_end_clients(
			target_start_clients(target_port(listener), CLIENTS, TARGET_DROP));
	target_hold();
	return 0;
}
