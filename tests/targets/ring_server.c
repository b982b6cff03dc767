/* SPDX-License-Identifier: MIT */
/*
 * A server on io_uring(7): it accepts, reads up to the end-of-file and closes through a ring of
 * liburing, so that no call of libc shows it.
 * --fixed: each connection is closed through the ring too.
 *
 * Where the kernel has no rings for us (io_uring_disabled, a container's filter), the same is done
 * by the system call instruction itself, which is no more visible.
 */
#include <liburing.h>

#include "raw_call.h"
#include "target.h"

#include <sys/syscall.h>

enum { CLIENTS = 3 };

static struct io_uring ring;
static bool has_ring;

/* The result of the one request that was prepared. */
static int complete(void)
{
	struct io_uring_cqe *done;
	int result;

	TARGET_CHECK(io_uring_submit(&ring) == 1);
	TARGET_CHECK(io_uring_wait_cqe(&ring, &done) == 0);
	result = done->res;
	io_uring_cqe_seen(&ring, done);
	return result;
}

static int take(int listener)
{
	if (!has_ring)
		return (int)raw_call(SYS_accept4, listener, 0, 0, 0);
	io_uring_prep_accept(io_uring_get_sqe(&ring), listener, NULL, NULL, 0);
	return complete();
}

static int receive(int fd, char *buffer, size_t size)
{
	if (!has_ring)
		return (int)raw_call(SYS_read, fd, (long)buffer, (long)size, 0);
	io_uring_prep_recv(io_uring_get_sqe(&ring), fd, buffer, size, 0);
	return complete();
}

static int put_back(int fd)
{
	if (!has_ring)
		return (int)raw_call(SYS_close, fd, 0, 0, 0);
	io_uring_prep_close(io_uring_get_sqe(&ring), fd);
	return complete();
}

static void serve(int fd, bool is_fixed)
{
	char buffer[64];

	TARGET_CHECK(fd >= 0);
	while (receive(fd, buffer, sizeof(buffer)) > 0)
		;
	if (is_fixed)
		TARGET_CHECK(put_back(fd) == 0);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	pid_t clients;
	int listener;

	target_begin();
	has_ring = io_uring_queue_init(4, &ring, 0) == 0;
	target_expect(is_fixed ? NULL : "opened-elsewhere", "leak", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_SILENT);
	for (int i = 0; i < CLIENTS; i++)
		serve(take(listener), is_fixed);
	target_end_clients(clients);
	target_hold();
	return 0;
}
