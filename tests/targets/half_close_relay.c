/* SPDX-License-Identifier: MIT */
/*
 * A proxy: the client has sent everything and says so; the proxy passes that on by shutting down
 * the writing half of its connection to the other server, which never ends.
 * --fixed: it closes both.
 */
#include "serve.h"
#include "target_upstream.h"

static void relay(int client, int server)
{
	char text[256];
	ssize_t size;
	int failed;

	do {
		MARK_NEXT(eof);
		size = read(client, text, sizeof(text));
		if (size > 0)
			TARGET_CHECK(write(server, text, (size_t)size) == size);
	} while (size > 0);
	MARK_NEXT(shutdown);
	failed = shutdown(server, SHUT_WR);
	TARGET_CHECK(!failed);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	struct target_upstream upstream;
	struct sockaddr_in address;
	int listener, client, server;

	target_begin();
	target_expect(is_fixed ? NULL : "half-close-relay", "leak", 1);
	upstream = target_upstream_start(1, 0);
	listener = target_listen(0);
	target_start_clients(target_port(listener), 1, TARGET_HALF);
	client = take(listener);
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address = target_address(upstream.port);
	TARGET_CHECK(connect(server, (struct sockaddr *)&address, sizeof(address)) == 0);
	relay(client, server);
	target_wait_end_acknowledged(server);
	if (is_fixed) {
		close(client);
		close(server);
	}
	target_hold();
	return 0;
}
