/* SPDX-License-Identifier: MIT */
/*
 * For targets that serve TLS: their clients are the program tls_client beside them, which runs
 * without the shim and does what its manner says.  Before it hangs up, a client waits for a byte,
 * so that the target decides what came first.
 */
#ifndef CWSHIM_TARGET_TLS_H
#define CWSHIM_TARGET_TLS_H

#include "target.h"

#include <limits.h>

/* What a client does, each of `count` times, one after the other. */
#define TARGET_TLS_TALK	 "talk"	 /* handshake, send, read until the server ends, say so, hang up */
#define TARGET_TLS_BYE	 "bye"	 /* handshake, send, wait, end the session and hang up */
#define TARGET_TLS_CUT	 "cut"	 /* handshake, send, wait, hang up without a word */
#define TARGET_TLS_BITS	 "bits"	 /* three bytes of a handshake, wait, hang up */
#define TARGET_TLS_HELLO "hello" /* the first flight of a handshake, wait, hang up */

struct target_tls_clients {
	pid_t pid;
	int go; /* a byte written here lets one hang up */
};

static inline void target_tls_exec(int port, int count, const char *manner, int wait_fd)
{
	char path[PATH_MAX], text[3][16], *slash;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - sizeof("tls_client"));

	TARGET_CHECK(size > 0);
	path[size] = '\0';
	slash = strrchr(path, '/');
	TARGET_CHECK(slash && fcntl(wait_fd, F_SETFD, 0) == 0);
	strcpy(slash + 1, "tls_client");
	snprintf(text[0], sizeof(text[0]), "%d", port);
	snprintf(text[1], sizeof(text[1]), "%d", count);
	snprintf(text[2], sizeof(text[2]), "%d", wait_fd);
	unsetenv("LD_PRELOAD");
	execl(path, path, text[0], text[1], manner, text[2], (char *)NULL);
	_exit(98);
}

static inline struct target_tls_clients target_tls_start(int port, int count, const char *manner)
{
	struct target_tls_clients clients;
	int words[2];

	TARGET_CHECK(pipe2(words, O_CLOEXEC) == 0);
	clients.go = words[1];
	clients.pid = fork();
	TARGET_CHECK(clients.pid >= 0);
	if (clients.pid == 0)
		target_tls_exec(port, count, manner, words[0]);
	close(words[0]);
	return clients;
}

/* Lets the client of this connection hang up, and waits until it has. */
static inline void target_tls_let_go(const struct target_tls_clients *clients, int fd)
{
	TARGET_CHECK(write(clients->go, "x", 1) == 1);
	target_wait_fin(fd);
}

static inline int target_tls_take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	return fd;
}

/* The next call finds less than it wants, at once. */
static inline void target_tls_be_impatient(int fd)
{
	target_wait_event(fd, POLLIN);
	TARGET_CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

#endif
