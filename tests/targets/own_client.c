/* SPDX-License-Identifier: MIT */
/*
 * A program that is its own client, in one thread: it ends its connections in turn, by shutting
 * down the client's writing half, and each time its serving end reads up to the end-of-file and
 * forgets the descriptor.  What looks like a relay, an end-of-file followed by a shutdown, is none.
 * --fixed: it closes all.
 */
#include "serve.h"
#include "target_upstream.h"

enum { CONNECTIONS = 3 };

static int call(int port)
{
	struct sockaddr_in address = target_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(write(fd, "hello", 5) == 5);
	return fd;
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int clients[CONNECTIONS], servers[CONNECTIONS], listener;

	target_begin();
	target_expect(is_fixed ? NULL : "eof-read-not-closed", "leak", CONNECTIONS);
	listener = target_listen(0);
	for (int i = 0; i < CONNECTIONS; i++) {
		clients[i] = call(target_port(listener));
		servers[i] = take(listener);
	}
	for (int i = 0; i < CONNECTIONS; i++) {
		TARGET_CHECK(shutdown(clients[i], SHUT_WR) == 0);
		read_to_end(servers[i]);
	}
	for (int i = 0; i < CONNECTIONS; i++)
		target_wait_end_acknowledged(clients[i]);
	for (int i = 0; is_fixed && i < CONNECTIONS; i++) {
		close(servers[i]);
		close(clients[i]);
	}
	target_hold();
	return 0;
}
