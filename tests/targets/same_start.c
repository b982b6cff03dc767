/* SPDX-License-Identifier: MIT */
/*
 * Connections accepted over and over from the same place, at the same stack address, by way of two
 * functions in turn: the stacks differ in the middle only.  Each way leaves one connection open.
 */
#include "target.h"

enum { ROUNDS = 60 };

static const void *places[2];

static __attribute__((noinline)) int take(int listener)
{
	places[0] = places[1];
	places[1] = __builtin_frame_address(0);
	return accept(listener, NULL, NULL);
}

static __attribute__((noinline)) int by_day(int (*function)(int), int listener)
{
	return function(listener) + (places[0] && !places[1]);
}

static __attribute__((noinline)) int by_night(int (*function)(int), int listener)
{
	return function(listener) + (places[0] && !places[1]);
}

static int take_by(int (*way)(int (*)(int), int), int listener)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int peer = socket(AF_INET, SOCK_STREAM, 0), fd;

	TARGET_CHECK(connect(peer, (struct sockaddr *)&address, sizeof(address)) == 0);
	fd = way(take, listener);
	TARGET_CHECK(fd >= 0 && close(peer) == 0);
	return fd;
}

int main(void)
{
	static int (*const ways[])(int (*)(int), int) = {by_day, by_night};
	bool is_same = true;
	int listener, fd;

	target_begin();
	listener = target_listen(0);
	for (int i = 0; i < ROUNDS; i++) {
		fd = take_by(ways[i % 2], listener);
		is_same &= !places[0] || places[0] == places[1];
		if (i < ROUNDS - 2)
			TARGET_CHECK(close(fd) == 0);
		else
			target_wait_fin(fd);
	}
	puts(is_same ? "PLACE same" : "PLACE other");
	target_hold();
	return 0;
}
