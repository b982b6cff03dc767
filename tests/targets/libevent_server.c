/* SPDX-License-Identifier: MIT */
/*
 * A server on libevent that does not get to the end-of-file of its clients:
 * --shape=paused: bufferevent_disable() for back-pressure, never enabled again; removed: a plain
 * event was deleted and its descriptor was not closed; stopped: a callback does not return.
 * One more connection is alive and well.
 * --fixed: a bufferevent of each is freed at its end-of-file.
 */
#include "target_threads.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <semaphore.h>

enum { CLIENTS = 3, READ_SIZE = 2 };

static const struct shape {
	const char *option, *cause, *verdict;
} shapes[] = {
	{"--shape=paused", "reading-paused", "stall"},
	{"--shape=removed", "not-polled", "leak"},
	{"--shape=stopped", "loop-stopped", "stall"},
};

static const struct shape *shape;
static bool is_fixed;
static struct event_base *base;
static _Atomic int nserved, nclosed;

static bool is_shape(const char *name)
{
	return !is_fixed && strcmp(shape->option + strlen("--shape="), name) == 0;
}

static void on_data(struct bufferevent *bev, void *unused)
{
	sem_t never;

	(void)unused;
	if (is_shape("stopped")) {
		sem_init(&never, 0, 0);
		nserved++;
		while (sem_wait(&never) < 0)
			;
	}
	if (is_shape("paused"))
		bufferevent_disable(bev, EV_READ);
	nserved++;
}

static void on_end(struct bufferevent *bev, short what, void *unused)
{
	(void)what;
	(void)unused;
	bufferevent_free(bev);
	nclosed++;
}

/* A part is read, and then the event is freed without its descriptor. */
static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct event **own = argument;
	char text[READ_SIZE];

	(void)what;
	TARGET_CHECK(recv(fd, text, sizeof(text), 0) == sizeof(text));
	event_del(*own);
	nserved++;
}

static int take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	TARGET_CHECK(fd >= 0);
	return fd;
}

static void watch_plainly(int fd)
{
	struct event **own = calloc(1, sizeof(struct event *));

	TARGET_CHECK(own);
	*own = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, own);
	TARGET_CHECK(*own && event_add(*own, NULL) == 0);
}

static void watch(int fd)
{
	struct bufferevent *bev =
		bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_THREADSAFE);

	TARGET_CHECK(bev);
	bufferevent_setcb(bev, on_data, NULL, on_end, NULL);
	TARGET_CHECK(bufferevent_enable(bev, EV_READ) == 0);
}

/* What a client sent and its end-of-file are there before the loop sees the socket. */
static void add_clients(int listener)
{
	pid_t clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	int fds[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		fds[i] = take(listener);
	target_end_clients(clients);
	for (int i = 0; i < CLIENTS; i++) {
		target_wait_fin(fds[i]);
		if (is_shape("removed"))
			watch_plainly(fds[i]);
		else
			watch(fds[i]);
	}
}

/* A connection that the server made to itself: it lives, is used and polled. */
static void add_living(int listener)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	watch(take(listener));
}

static void run_loop(void *unused)
{
	(void)unused;
	event_base_dispatch(base);
}

static void choose(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (target_has_option(argc, argv, shapes[i].option))
			shape = &shapes[i];
	TARGET_CHECK(shape);
	is_fixed = target_has_option(argc, argv, "--fixed");
}

int main(int argc, char **argv)
{
	struct target_thread loop = {.tid = 0};
	int listener;

	target_begin();
	choose(argc, argv);
	target_expect(is_fixed ? NULL : shape->cause, shape->verdict, CLIENTS);
	TARGET_CHECK(evthread_use_pthreads() == 0);
	base = event_base_new();
	TARGET_CHECK(base);
	listener = target_listen(0);
	add_clients(listener);
	add_living(listener);
	target_thread_start(&loop, run_loop, NULL);
	while (is_fixed ? nclosed < CLIENTS : nserved < (is_shape("stopped") ? 1 : CLIENTS))
		target_pause();
	target_wait_in_call(&loop, is_shape("stopped") ? SYS_futex : SYS_epoll_wait);
	target_hold();
	return 0;
}
