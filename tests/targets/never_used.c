/* SPDX-License-Identifier: MIT */
/*
 * A server that serves its clients one after the other, but forgets every other connection right
 * after it was accepted, as on an early return.  Those that it served are closed when it is looked
 * at.
 * --fixed: it closes the refused ones, too.
 */
#include "serve.h"
#include "target_threads.h"

enum { CLIENTS = 5, REFUSED = 2 };

static void serve(int fd)
{
	char text[64];

	while (read(fd, text, sizeof(text)) > 0)
		;
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int listener;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "never-used", "leak", REFUSED);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = take(listener);

		target_wait_fin(fd);
		if (i % 2 == 0)
			serve(fd);
		if (i % 2 == 0 || is_fixed)
			close(fd);
		target_wait_tick();
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
