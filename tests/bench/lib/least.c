// SPDX-License-Identifier: MIT
/*
 * The least that a library does which tells what became of a connection in a forked child: nothing
 * but what cannot be told otherwise, of one kind of server, and without a single stack.  Row
 * fork-server of scripts/bench shows what that costs.
 *
 * It has code and data of its own, as any library.  It asks the kernel once for the identity of a
 * connection; numbers say nothing, they are used again.  It has memory that outlives a child, where
 * accept, fork, end-of-file and close are noted with their times.  And each process knows which of
 * its numbers are connections: that must not be shared, because parent and child close their own.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 1024, FORKS = 1024 };

struct shared {
	struct {
		uint64_t cookie, accepted, ended, closed_in_parent, closed_in_child;
	} connection[NUMBERS];
	struct {
		uint64_t forked;
		pid_t pid;
	} fork[FORKS];
	uint32_t forks;
};

static struct shared *shared;
static bool is_connection[NUMBERS], is_child;
static int (*real_accept)(int, struct sockaddr *restrict, socklen_t *restrict);
static ssize_t (*real_read)(int, void *, size_t);
static int (*real_close)(int);
static pid_t (*real_fork)(void);

__attribute__((constructor)) static void begin(void)
{
	char name[] = "/tmp/cwshim-least-XXXXXX";
	int fd = mkstemp(name);

	real_accept = (int (*)(int, struct sockaddr *restrict, socklen_t *restrict))dlsym(RTLD_NEXT,
											  "accept");
	real_read = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
	real_fork = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
	if (fd < 0 || unlink(name) < 0 || ftruncate(fd, sizeof(*shared)) < 0)
		abort();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	real_close(fd);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static bool is_ours(int fd)
{
	return fd >= 0 && fd < NUMBERS && is_connection[fd];
}

int accept(int listener, struct sockaddr *restrict addr, socklen_t *restrict length)
{
	int fd = real_accept(listener, addr, length);
	socklen_t size = sizeof(uint64_t);

	if (fd < 0 || fd >= NUMBERS)
		return fd;
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &shared->connection[fd].cookie, &size);
	shared->connection[fd].accepted = now();
	is_connection[fd] = true;
	return fd;
}

pid_t fork(void)
{
	uint32_t seq = shared->forks++ % FORKS;
	pid_t pid;

	shared->fork[seq].forked = now();
	pid = real_fork();
	if (pid == 0)
		is_child = true;
	else
		shared->fork[seq].pid = pid;
	return pid;
}

ssize_t read(int fd, void *data, size_t size)
{
	ssize_t got = real_read(fd, data, size);

	if (got == 0 && is_ours(fd))
		shared->connection[fd].ended = now();
	return got;
}

int close(int fd)
{
	if (is_ours(fd)) {
		if (is_child)
			shared->connection[fd].closed_in_child = now();
		else
			shared->connection[fd].closed_in_parent = now();
		is_connection[fd] = false;
	}
	return real_close(fd);
}
