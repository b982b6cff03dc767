/* SPDX-License-Identifier: MIT */
/*
 * 50 connections of one process that end in five ways, one after the other in turn; in each turn
 * every third is closed as it should be.  One place accepts them all.
 */
#include "target.h"

enum { TURNS = 10, WAYS = 5, CLIENTS = TURNS * WAYS, FAR = 300 };

static int take(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	TARGET_CHECK(fd >= 0);
	return fd;
}

static void read_to_end(int fd)
{
	char text[256];

	while (read(fd, text, sizeof(text)) > 0)
		;
}

static void forget_after_end(int fd)
{
	read_to_end(fd);
}

static void shut_down(int fd)
{
	read_to_end(fd);
	TARGET_CHECK(shutdown(fd, SHUT_RDWR) == 0);
}

static void read_a_part(int fd)
{
	char text[2];

	TARGET_CHECK(read(fd, text, sizeof(text)) == sizeof(text));
}

static void close_another(int fd)
{
	read_to_end(fd);
	TARGET_CHECK(close(fd + FAR) < 0);
}

static void keep_a_copy(int fd)
{
	int copy = dup(fd);

	TARGET_CHECK(copy >= 0);
	read_to_end(fd);
	close(fd);
}

static const struct way {
	const char *cause;
	void (*go)(int fd);
} ways[WAYS] = {
	{"eof-read-not-closed", forget_after_end}, {"shutdown-not-closed", shut_down},
	{"unread-not-closed", read_a_part},	   {"wrong-close", close_another},
	{"duplicate-kept", keep_a_copy},
};

/* Peers that hang up at once; a turn's third is served well. */
static void serve(int listener, int i)
{
	int fd;

	if (i % 3 == 0) {
		fd = take(listener);
		read_to_end(fd);
		close(fd);
	}
	fd = take(listener);
	target_wait_fin(fd);
	ways[i % WAYS].go(fd);
}

int main(void)
{
	int listener, count = CLIENTS + (CLIENTS + 2) / 3;
	pid_t clients;

	target_begin();
	for (int way = 0; way < WAYS; way++)
		printf("EXPECT cause=%s verdict=leak count=%d\n", ways[way].cause, TURNS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), count, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++)
		serve(listener, i);
	target_end_clients(clients);
	target_hold();
	return 0;
}
