// SPDX-License-Identifier: MIT
/*
 * crowd memory|pause|wait|leak OPEN: with OPEN sockets open,
 * memory  kilobytes resident, the shim's session included;
 * pause   milliseconds that a thread is held by the report signal;
 * wait    nothing, until the end of standard input: somebody else measures;
 * leak    the same, but the sockets are connections that a peer has closed and nobody else will.
 */
#include <signal.h>

#include "bench.h"

static double resident_kb(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	BENCH_CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static double pause_ms(void)
{
	double began = bench_now_ns();

	raise(SIGRTMAX - 3);
	return (bench_now_ns() - began) / 1e6;
}

static int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	BENCH_CHECK(fd >= 0);
	return fd;
}

/*
 * From another address of the loopback each time, so that ports are not scarce: connect() tries
 * half of them first, one after another (net/ipv4/inet_hashtables.c, __inet_hash_connect).
 */
static int connect_from(uint32_t number, const struct sockaddr_in *addr)
{
	const int on = 1;
	struct sockaddr_in source = bench_loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % 8);
	BENCH_CHECK(fd >= 0);
	BENCH_CHECK(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0);
	BENCH_CHECK(bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0);
	BENCH_CHECK(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0);
	return fd;
}

/* Each waits in CLOSE_WAIT, its end-of-file read. */
static void leak_connections(int count)
{
	struct sockaddr_in addr;
	int listener = bench_listen(&addr);
	char byte;

	for (int i = 0; i < count; i++) {
		int client = connect_from((uint32_t)i, &addr);
		int fd = accept_one(listener);

		BENCH_CHECK(close(client) == 0);
		BENCH_CHECK(read(fd, &byte, 1) == 0);
	}
}

int main(int argc, char **argv)
{
	char byte;

	BENCH_CHECK(argc == 3);
	if (strcmp(argv[1], "leak") == 0)
		leak_connections(atoi(argv[2]));
	else
		bench_open_sockets(atoi(argv[2]));
	if (strcmp(argv[1], "memory") == 0)
		bench_figure(resident_kb());
	else if (strcmp(argv[1], "pause") == 0)
		bench_figure(pause_ms());
	else
		bench_figure(0);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
