/* SPDX-License-Identifier: MIT */
/*
 * A program with a leak and without children: it counts SIGCHLD, and when its standard input has
 * ended it asks whether there is a child to wait for.  Neither may come from a report.
 */
#include "target.h"

static volatile sig_atomic_t signals;

static void on_child(int number)
{
	signals++;
}

static void leak_one(void)
{
	int listener = target_listen(0), fd;
	char text[16];
	pid_t clients = target_start_clients(target_port(listener), 1, TARGET_DROP);

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	do
		MARK_NEXT(eof);
	while (read(fd, text, sizeof(text)) > 0);
	target_end_clients(clients);
}

int main(void)
{
	target_begin();
	target_expect("eof-read-not-closed", "leak", 1);
	leak_one();
	signal(SIGCHLD, on_child);
	target_hold();
	printf("SIGCHLD %d\n", (int)signals);
	printf("WAIT %s\n", wait(NULL) < 0 && errno == ECHILD ? "ECHILD" : "a child");
	return 0;
}
