/* SPDX-License-Identifier: MIT */
/*
 * A server whose connections are all accepted at one place: most are closed at once, one only after
 * a while, and some never.
 */
#include "serve.h"

enum { BRIEF = 4, LONG = 1, LOST = 2, WAIT_MS = 300 };

int main(void)
{
	int listener, fd;
	pid_t clients;

	target_begin();
	target_expect("eof-read-not-closed", "leak", LOST);
	printf("WAITED %d\n", WAIT_MS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), BRIEF + LONG + LOST, TARGET_TALK);
	for (int i = 0; i < BRIEF + LONG + LOST; i++) {
		fd = take(listener);
		answer_to_end(fd);
		if (i == BRIEF)
			poll(NULL, 0, WAIT_MS);
		if (i < BRIEF + LONG)
			TARGET_CHECK(close(fd) == 0);
	}
	target_end_clients(clients);
	target_hold();
	return 0;
}
