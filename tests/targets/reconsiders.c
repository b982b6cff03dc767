/* SPDX-License-Identifier: MIT */
/*
 * A server that forgets its connections and thinks better of it: for each line on its standard
 * input it closes one of the three, says CLOSED and how many it has closed, and lives on.
 */
#include "serve.h"

enum { CLIENTS = 3 };

int main(void)
{
	int listener, fds[CLIENTS];
	pid_t clients;
	char byte;

	target_begin();
	target_expect("eof-read-not-closed", "leak", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = take(listener);
		read_to_end(fds[i]);
	}
	target_end_clients(clients);
	puts("READY");
	for (int n = 0; read(STDIN_FILENO, &byte, 1) == 1;) {
		TARGET_CHECK(n < CLIENTS && close(fds[n]) == 0);
		printf("CLOSED %d\n", ++n);
	}
	return 0;
}
