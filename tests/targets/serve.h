/* SPDX-License-Identifier: MIT */
/*
 * What most servers among the targets do with a connection: take it, read it to its end.  A
 * function that a target does not call leaves no mark in it.
 */
#ifndef CWSHIM_TARGET_SERVE_H
#define CWSHIM_TARGET_SERVE_H

#include "target.h"

static inline int take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	return fd;
}

/* A program that is executed later gets it, too. */
static inline int take_inheritable(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	return fd;
}

static inline void read_to_end(int fd)
{
	char text[64];
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = read(fd, text, sizeof(text));
	} while (size > 0);
	TARGET_CHECK(size == 0);
}

static inline void answer_to_end(int fd)
{
	char text[256];
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = recv(fd, text, sizeof(text), 0);
		if (size > 0)
			TARGET_CHECK(send(fd, text, (size_t)size, 0) == size);
	} while (size > 0);
}

#endif
