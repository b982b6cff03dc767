// SPDX-License-Identifier: MIT
/*
 * client PORT COUNT each|kept REPLY: sends the request that it is given on standard input COUNT
 * times, each on a new connection or all on one, and reads REPLY bytes of answer each time.
 */
#include "bench.h"

static void ask(int fd, const char *request, size_t size, size_t reply)
{
	char data[65536];

	BENCH_CHECK(send(fd, request, size, MSG_NOSIGNAL) == (ssize_t)size);
	while (reply) {
		size_t want = reply < sizeof(data) ? reply : sizeof(data);
		ssize_t got = recv(fd, data, want, 0);

		BENCH_CHECK(got > 0);
		reply -= (size_t)got;
	}
}

int main(int argc, char **argv)
{
	static char request[65536];
	size_t size = fread(request, 1, sizeof(request), stdin);
	struct sockaddr_in addr;
	int fd = -1;

	BENCH_CHECK(argc == 5 && size);
	addr = bench_loopback(atoi(argv[1]));
	for (int i = 0; i < atoi(argv[2]); i++) {
		if (fd < 0)
			fd = bench_connect(&addr);
		ask(fd, request, size, (size_t)atoi(argv[4]));
		if (strcmp(argv[3], "each") == 0) {
			close(fd);
			fd = -1;
		}
	}
	return 0;
}
