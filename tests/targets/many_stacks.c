/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes a socket from each of 2^12 stacks, more than a session in memory has room for,
 * and forgets one that was accepted.
 */
#include "target.h"

enum { DEPTH = 12 };

static void go(unsigned int path, int depth);

static __attribute__((noinline)) void go_left(unsigned int path, int depth)
{
	go(path, depth);
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void go_right(unsigned int path, int depth)
{
	go(path, depth);
	__asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void go(unsigned int path, int depth)
{
	if (depth == DEPTH)
		close(socket(AF_INET, SOCK_STREAM, 0));
	else if (path >> depth & 1)
		go_left(path, depth + 1);
	else
		go_right(path, depth + 1);
	__asm__ volatile("" ::: "memory");
}

int main(void)
{
	int listener, client, served;
	struct sockaddr_in address;
	char byte;

	target_begin();
	listener = target_listen(0);
	address = target_address(target_port(listener));
	for (unsigned int path = 0; path < 1u << DEPTH; path++)
		go(path, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	served = accept(listener, NULL, NULL);
	TARGET_CHECK(served >= 0 && close(client) == 0 && read(served, &byte, 1) == 0);
	target_expect("eof-read-not-closed", "leak", 1);
	target_hold();
	return 0;
}
