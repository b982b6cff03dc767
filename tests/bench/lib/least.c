// SPDX-License-Identifier: MIT
/*
 * The least that a library does which tells what became of a connection, in a forked child too:
 * nothing but what cannot be told otherwise, of the calls of a few servers, and without a single
 * stack.  Rows of scripts/bench show what that costs.
 *
 * It has code and data of its own, as any library.  It asks the kernel once for the identity of a
 * connection; numbers say nothing, they are used again.  It has memory that outlives a child, where
 * accept, fork, end-of-file, a write that failed and close are noted with their times.  And each
 * process knows which of its numbers are connections: that must not be shared, because parent and
 * child close their own.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 1024, FORKS = 1024 };

struct shared {
	struct {
		uint64_t cookie, accepted, ended, failed, closed_in_parent, closed_in_child;
	} connection[NUMBERS];
	struct {
		uint64_t forked;
		pid_t pid;
	} fork[FORKS];
	uint32_t forks;
};

static struct shared *shared;
static bool is_connection[NUMBERS], is_child;

#define FUNCTIONS(X) \
	X(accept)    \
	X(accept4)   \
	X(read)      \
	X(recv)      \
	X(write)     \
	X(writev)    \
	X(send)      \
	X(sendmsg)   \
	X(close)     \
	X(fork)
#define DECLARE(name) static __typeof__(name) *real_##name;
#define FIND(name)    *(void **)&real_##name = dlsym(RTLD_NEXT, #name);

FUNCTIONS(DECLARE)

__attribute__((constructor)) static void begin(void)
{
	char name[] = "/tmp/cwshim-least-XXXXXX";
	int fd = mkstemp(name);

	FUNCTIONS(FIND)
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

static int on_accept(int fd)
{
	socklen_t size = sizeof(uint64_t);

	if (fd < 0 || fd >= NUMBERS)
		return fd;
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &shared->connection[fd].cookie, &size);
	shared->connection[fd].accepted = now();
	is_connection[fd] = true;
	return fd;
}

static ssize_t on_read(int fd, ssize_t got)
{
	if (got == 0 && is_ours(fd))
		shared->connection[fd].ended = now();
	return got;
}

static ssize_t on_write(int fd, ssize_t sent)
{
	if (sent < 0 && is_ours(fd))
		shared->connection[fd].failed = now();
	return sent;
}

int accept(int listener, struct sockaddr *restrict addr, socklen_t *restrict length)
{
	return on_accept(real_accept(listener, addr, length));
}

int accept4(int listener, struct sockaddr *restrict addr, socklen_t *restrict length, int flags)
{
	return on_accept(real_accept4(listener, addr, length, flags));
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
	return on_read(fd, real_read(fd, data, size));
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	return on_read(fd, real_recv(fd, data, size, flags));
}

ssize_t write(int fd, const void *data, size_t size)
{
	return on_write(fd, real_write(fd, data, size));
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	return on_write(fd, real_writev(fd, pieces, count));
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	return on_write(fd, real_send(fd, data, size, flags));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return on_write(fd, real_sendmsg(fd, message, flags));
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
