// SPDX-License-Identifier: MIT
/*
 * calls KIND [OPEN [BATCHES]]: nanoseconds for one call of KIND, with OPEN other sockets open.
 * Only the calls themselves are timed, in batches; what prepares a batch is not.  Those of a KIND
 * that begins with "idle-" are on numbers for which lib/idle.c does nothing; close has no
 * descriptor there, as it is one that the shim does not know.
 */
#include <fcntl.h>

#include "bench.h"

enum { BATCHES_MAX = 400, CALLS = 500, CONNECTIONS = 50 };

static int pair[2];

static double time_reads(ssize_t (*receive)(int, char *))
{
	char data[CALLS] = {0}, byte;
	double began;

	BENCH_CHECK(send(pair[1], data, sizeof(data), 0) == sizeof(data));
	began = bench_now_ns();
	for (int i = 0; i < CALLS; i++)
		BENCH_CHECK(receive(pair[0], &byte) == 1);
	return (bench_now_ns() - began) / CALLS;
}

static ssize_t by_read(int fd, char *byte)
{
	return read(fd, byte, 1);
}

static ssize_t by_recv(int fd, char *byte)
{
	return recv(fd, byte, 1, 0);
}

static double batch_of_read(void)
{
	return time_reads(by_read);
}

static double batch_of_recv(void)
{
	return time_reads(by_recv);
}

/* Datagrams of one byte would fill the queue: the other end drains a stream after each batch. */
static double batch_of_write(void)
{
	enum { WRITES = 100 };
	char data[WRITES], byte = 0;
	double began = bench_now_ns(), took;

	for (int i = 0; i < WRITES; i++)
		BENCH_CHECK(write(pair[0], &byte, 1) == 1);
	took = (bench_now_ns() - began) / WRITES;
	for (ssize_t got = 0; got < WRITES;) {
		ssize_t more = recv(pair[1], data, sizeof(data), 0);

		BENCH_CHECK(more > 0);
		got += more;
	}
	return took;
}

static double batch_of_close(void)
{
	int fds[CALLS], null = open("/dev/null", O_RDONLY);
	double began;

	BENCH_CHECK(null >= 0);
	for (int i = 0; i < CALLS; i++)
		BENCH_CHECK((fds[i] = dup(null)) >= 0);
	began = bench_now_ns();
	for (int i = 0; i < CALLS; i++)
		close(fds[i]);
	began = bench_now_ns() - began;
	close(null);
	return began / CALLS;
}

/* accept4, the read that meets the end-of-file, close. */
static double batch_of_accept(void)
{
	static struct sockaddr_in addr;
	static int listener = -1;
	char byte;
	double began;

	if (listener < 0)
		listener = bench_listen(&addr);
	for (int i = 0; i < CONNECTIONS; i++)
		close(bench_connect(&addr));
	began = bench_now_ns();
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		BENCH_CHECK(fd >= 0 && read(fd, &byte, 1) == 0);
		close(fd);
	}
	return (bench_now_ns() - began) / CONNECTIONS;
}

static double batch_of_idle_read(void)
{
	double began = bench_now_ns();
	char byte;

	for (int i = 0; i < CALLS; i++)
		BENCH_CHECK(read(BENCH_IDLE, &byte, 1) == 1);
	return (bench_now_ns() - began) / CALLS;
}

static double batch_of_idle_recv(void)
{
	double began = bench_now_ns();
	char byte;

	for (int i = 0; i < CALLS; i++)
		BENCH_CHECK(recv(BENCH_IDLE, &byte, 1, 0) == 1);
	return (bench_now_ns() - began) / CALLS;
}

static double batch_of_idle_write(void)
{
	double began = bench_now_ns();
	char byte = 0;

	for (int i = 0; i < CALLS; i++)
		BENCH_CHECK(write(BENCH_IDLE, &byte, 1) == 1);
	return (bench_now_ns() - began) / CALLS;
}

static double batch_of_idle_close(void)
{
	double began = bench_now_ns();

	for (int i = 0; i < CALLS; i++)
		BENCH_CHECK(close(BENCH_IDLE_LISTENER + 1 + i) == 0);
	return (bench_now_ns() - began) / CALLS;
}

static double batch_of_idle_accept(void)
{
	double began = bench_now_ns();
	char byte;

	for (int i = 0; i < CONNECTIONS; i++) {
		BENCH_CHECK(accept4(BENCH_IDLE_LISTENER, NULL, NULL, SOCK_CLOEXEC) ==
			    BENCH_IDLE_AT_END);
		BENCH_CHECK(read(BENCH_IDLE_AT_END, &byte, 1) == 0);
		close(BENCH_IDLE_AT_END);
	}
	return (bench_now_ns() - began) / CONNECTIONS;
}

/* Real ones are behind the numbers: the shim asks who they are. */
static void open_idle(void)
{
	struct sockaddr_in addr;
	int listener = bench_listen(&addr), client = bench_connect(&addr);
	int server = accept(listener, NULL, NULL);

	BENCH_CHECK(client >= 0 && server >= 0);
	BENCH_CHECK(dup2(pair[0], BENCH_IDLE) == BENCH_IDLE);
	BENCH_CHECK(dup2(server, BENCH_IDLE_AT_END) == BENCH_IDLE_AT_END);
	BENCH_CHECK(dup2(listener, BENCH_IDLE_LISTENER) == BENCH_IDLE_LISTENER);
}

static const struct kind {
	const char *name;
	double (*batch)(void);
} kinds[] = {
	{"read", batch_of_read},
	{"recv", batch_of_recv},
	{"write", batch_of_write},
	{"close", batch_of_close},
	{"accept", batch_of_accept},
	{"idle-read", batch_of_idle_read},
	{"idle-recv", batch_of_idle_recv},
	{"idle-accept", batch_of_idle_accept},
	{"idle-write", batch_of_idle_write},
	{"idle-close", batch_of_idle_close},
};

int main(int argc, char **argv)
{
	static double batches[BATCHES_MAX];
	int count = argc > 3 ? atoi(argv[3]) : BATCHES_MAX;
	const struct kind *kind = NULL;

	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			kind = &kinds[i];
	BENCH_CHECK(kind && count > 0 && count <= BATCHES_MAX);
	bench_open_sockets(argc > 2 ? atoi(argv[2]) : 0);
	BENCH_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	open_idle();
	for (int i = 0; i < count / 10; i++)
		kind->batch();
	for (int i = 0; i < count; i++)
		batches[i] = kind->batch();
	bench_figure(bench_quartile(batches, (size_t)count));
	return 0;
}
