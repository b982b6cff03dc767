/* SPDX-License-Identifier: MIT */
/*
 * What the measured programs share: a clock, the loopback, and the one line that tells the result,
 * `FIGURE NUMBER`.  A program that cannot do its work ends with status 99.
 */
#ifndef CWSHIM_BENCH_H
#define CWSHIM_BENCH_H

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BENCH_CHECK(condition)                                                           \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "bench: %s: %s\n", #condition, strerror(errno)); \
			exit(99);                                                        \
		}                                                                        \
	} while (0)

/*
 * From this number on calls do nothing (lib/idle.c), if asked to.  The second one is at its end,
 * and is accepted again and again.
 */
enum { BENCH_IDLE = 900, BENCH_IDLE_AT_END, BENCH_IDLE_LISTENER };

static inline double bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline void bench_figure(double figure)
{
	printf("FIGURE %.3f\n", figure);
	fflush(stdout);
}

static inline int bench_compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/*
 * The lower quartile of the batches: interruptions only ever make a batch slower, and most batches
 * have none.
 */
static inline double bench_quartile(double *batches, size_t count)
{
	qsort(batches, count, sizeof(*batches), bench_compare);
	return batches[count / 4];
}

static inline struct sockaddr_in bench_loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A listening socket on a free port of the loopback. */
static inline int bench_listen(struct sockaddr_in *ret_addr)
{
	socklen_t len = sizeof(*ret_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*ret_addr = bench_loopback(0);
	BENCH_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)ret_addr, len) == 0);
	BENCH_CHECK(listen(fd, 1024) == 0);
	BENCH_CHECK(getsockname(fd, (struct sockaddr *)ret_addr, &len) == 0);
	return fd;
}

static inline int bench_connect(const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	BENCH_CHECK(fd >= 0);
	BENCH_CHECK(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0);
	return fd;
}

/* Opens sockets until `count` are open in pairs; they stay open. */
static inline void bench_open_sockets(int count)
{
	int pair[2];

	for (int i = 0; i < count; i += 2)
		BENCH_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
}

#endif
