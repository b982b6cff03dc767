// SPDX-License-Identifier: MIT
/*
 * Calls on numbers from BENCH_IDLE on do nothing and say that they did.  Preloaded behind the shim
 * (or alone), it takes the kernel out of rows that ask what the shim adds to a call, and with it
 * nearly all noise.
 */
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../bench.h"

static ssize_t (*real_read)(int, void *, size_t), (*real_recv)(int, void *, size_t, int);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_accept4)(int, struct sockaddr *restrict, socklen_t *restrict, int);
static int (*real_close)(int);

__attribute__((constructor)) static void begin(void)
{
	real_read = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	real_recv = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
	real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	real_accept4 = (int (*)(int, struct sockaddr *restrict, socklen_t *restrict, int))dlsym(
		RTLD_NEXT, "accept4");
	real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
}

ssize_t read(int fd, void *data, size_t size)
{
	return fd >= BENCH_IDLE ? fd != BENCH_IDLE_AT_END : real_read(fd, data, size);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
	return fd >= BENCH_IDLE ? 1 : real_recv(fd, data, size, flags);
}

ssize_t write(int fd, const void *data, size_t size)
{
	return fd >= BENCH_IDLE ? 1 : real_write(fd, data, size);
}

int accept4(int listener, struct sockaddr *restrict addr, socklen_t *restrict length, int flags)
{
	struct sockaddr_in peer = bench_loopback(1);

	if (listener < BENCH_IDLE)
		return real_accept4(listener, addr, length, flags);
	if (addr)
		memcpy(addr, &peer, *length < sizeof(peer) ? *length : sizeof(peer));
	if (addr)
		*length = sizeof(peer);
	return BENCH_IDLE_AT_END;
}

int close(int fd)
{
	return fd >= BENCH_IDLE ? 0 : real_close(fd);
}
