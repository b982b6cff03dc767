/* SPDX-License-Identifier: MIT */
/*
 * A server that reads a part of what came and forgets the descriptor: neither the rest nor the
 * end-of-file was read, and nothing else tells why.
 * --shape=pool: it is a thread of a pool that does so, and then waits for more work.
 * --fixed: it reads on and closes.
 */
#include "serve.h"
#include "target_threads.h"

enum { CLIENTS = 2 };

static int fds[CLIENTS];
static bool is_fixed;

static void read_two_bytes(int fd)
{
	char text[2];

	TARGET_CHECK(read(fd, text, sizeof(text)) == 2);
	target_wait_fin(fd);
}

static void read_rest_and_close(int fd)
{
	char text[256];

	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void serve(int fd)
{
	read_two_bytes(fd);
	if (is_fixed)
		read_rest_and_close(fd);
}

static void work(void *unused)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t has_work = PTHREAD_COND_INITIALIZER;

	(void)unused;
	for (int i = 0; i < CLIENTS; i++)
		serve(fds[i]);
	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&has_work, &lock);
}

static void serve_by_pool(void)
{
	static struct target_thread worker;

	target_thread_start(&worker, work, NULL);
	target_wait_in_call(&worker, SYS_futex);
}

int main(int argc, char **argv)
{
	bool is_pool = target_has_option(argc, argv, "--shape=pool");
	int listener;
	pid_t clients;

	is_fixed = target_has_option(argc, argv, "--fixed");
	target_begin();
	target_expect(is_fixed ? NULL : "unread-not-closed", "leak", CLIENTS);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = take_inheritable(listener);
		if (!is_pool)
			serve(fds[i]);
	}
	if (is_pool)
		serve_by_pool();
	target_end_clients(clients);
	target_hold();
	return 0;
}
