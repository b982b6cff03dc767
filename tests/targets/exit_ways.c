/* SPDX-License-Identifier: MIT */
/*
 * Every way in which a process ends by itself, each with a leak that must be reported.  An atexit
 * handler and a destructor close the socket, as teardowns do: the state on entry to exit counts.
 *
 *     exit_ways return|exit|quick_exit|_exit|_Exit|thread STATUS
 */
#include "target.h"

#include <pthread.h>

static int leaked = -1;
static int status;

static void leak_one(void)
{
	int listener = target_listen(0);
	char text[16];
	pid_t clients = target_start_clients(target_port(listener), 1, TARGET_DROP);

	MARK_NEXT(created);
	leaked = accept(listener, NULL, NULL);
	TARGET_CHECK(leaked >= 0);
	do
		MARK_NEXT(eof);
	while (read(leaked, text, sizeof(text)) > 0);
	target_end_clients(clients);
}

static void tear_down(void)
{
	close(leaked);
}

__attribute__((destructor)) static void tear_down_again(void)
{
	close(leaked);
}

static void *exit_from_thread(void *unused)
{
	exit(status);
}

static void end_thread(int value)
{
	pthread_t thread;

	TARGET_CHECK(pthread_create(&thread, NULL, exit_from_thread, NULL) == 0);
	pthread_join(thread, NULL);
	_exit(98); /* not reached */
}

static const struct {
	const char *name;
	void (*end)(int status);
} ways[] = {
	{"exit", exit},	  {"quick_exit", quick_exit}, {"_exit", _exit},
	{"_Exit", _Exit}, {"thread", end_thread},
};

int main(int argc, char **argv)
{
	target_begin();
	TARGET_CHECK(argc == 3);
	status = atoi(argv[2]);
	target_expect("eof-read-not-closed", "leak", 1);
	leak_one();
	TARGET_CHECK(atexit(tear_down) == 0);
	TARGET_CHECK(at_quick_exit(tear_down) == 0);
	target_hold();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			ways[i].end(status);
	return status;
}
