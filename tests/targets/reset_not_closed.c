/* SPDX-License-Identifier: MIT */
/*
 * A server whose clients reset their connections, which ss does not show any more, and that does
 * not close them:
 * --shape=told: a read fails with ECONNRESET, and the error is passed over; untold: nobody looks;
 * early: they reset before they are accepted.
 * --fixed: it closes.
 */
#include "serve.h"

enum { CLIENTS = 3 };

/* A client of its own, which ends by a reset (SO_LINGER of socket(7)). */
static int take_reset(int listener, bool is_early)
{
	static const struct linger none = {1, 0};
	struct sockaddr_in address = target_address(target_port(listener));
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;

	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	if (!is_early)
		fd = take(listener);
	TARGET_CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
	close(client);
	if (is_early)
		fd = take(listener);
	target_wait_event(fd, POLLHUP);
	return fd;
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_told = target_has_option(argc, argv, "--shape=told");
	bool is_early = target_has_option(argc, argv, "--shape=early");
	int listener;
	char byte;

	target_begin();
	target_expect(is_fixed ? NULL : "reset-not-closed", "leak", CLIENTS);
	listener = target_listen(0);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = take_reset(listener, is_early);

		if (is_told)
			TARGET_CHECK(read(fd, &byte, 1) < 0 && errno == ECONNRESET);
		if (is_fixed)
			close(fd);
	}
	target_hold();
	return 0;
}
