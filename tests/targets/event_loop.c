/* SPDX-License-Identifier: MIT */
/*
 * A server with an epoll loop in a thread of its own, which does not get to the end-of-file of its
 * clients in one of several ways:
 * --shape=paused: they are registered without input; removed: taken out of the set; edge: edge-
 * triggered and not read; oneshot: not armed again; stopped: the loop polls no more; busy: it
 * computes for ever; spinning: it polls, is told again and again, and does nothing about it;
 * forgotten: accepted and never looked at.  One more connection is alive and well.
 * --fixed: each is read to its end and closed.
 */
#include "serve.h"
#include "target_threads.h"

#include <semaphore.h>
#include <sys/epoll.h>

enum { CLIENTS = 3, READ_SIZE = 2 };

static const struct shape {
	const char *option, *cause, *verdict;
	uint32_t events; /* what the sockets are registered for at first */
} shapes[] = {
	{"--shape=paused", "reading-paused", "stall", EPOLLPRI},
	{"--shape=removed", "not-polled", "leak", EPOLLIN},
	{"--shape=edge", "event-ignored", "leak", EPOLLIN | EPOLLET},
	{"--shape=oneshot", "event-ignored", "leak", EPOLLIN | EPOLLONESHOT},
	{"--shape=stopped", "loop-stopped", "stall", EPOLLIN},
	{"--shape=busy", "loop-stopped", "stall", EPOLLIN},
	{"--shape=spinning", "unread-not-closed", "leak", EPOLLIN},
	{"--shape=forgotten", "never-used", "leak", 0},
};

static const struct shape *shape;
static bool is_fixed;
static int epfd;
static _Atomic int nclosed, nremoved;

static void add(int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	TARGET_CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) == 0);
}

static bool is_shape(const char *name)
{
	return !is_fixed && strcmp(shape->option + strlen("--shape="), name) == 0;
}

/* A part is read in the loop; what is left does not matter to it. */
static void take_out(int fd)
{
	char text[READ_SIZE];

	TARGET_CHECK(read(fd, text, sizeof(text)) == sizeof(text));
	TARGET_CHECK(epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) == 0);
	nremoved++;
}

static void on_event(int fd)
{
	char text[READ_SIZE];
	ssize_t size;

	if (!is_fixed) {
		if (is_shape("removed"))
			take_out(fd);
		return;
	}
	do
		size = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	while (size > 0);
	if (size < 0)
		return;
	close(fd);
	nclosed++;
}

static void sleep_for_ever(void)
{
	sem_t never;

	sem_init(&never, 0, 0);
	while (sem_wait(&never) < 0)
		;
}

static void compute_for_ever(void)
{
	for (volatile unsigned int n = 0;; n++)
		;
}

static void run_loop(void *unused)
{
	struct epoll_event event;

	(void)unused;
	if (is_shape("stopped"))
		sleep_for_ever();
	if (is_shape("busy"))
		compute_for_ever();
	for (;;)
		if (epoll_wait(epfd, &event, 1, -1) == 1)
			on_event(event.data.fd);
}

static bool is_forgotten(void)
{
	return strcmp(shape->cause, "never-used") == 0;
}

/* One that lives, or a client that is treated in the manner of the shape. */
static void serve(int listener, bool is_living)
{
	char text[READ_SIZE];
	int fd = take(listener);

	if (is_living) {
		TARGET_CHECK(read(fd, text, sizeof(text)) == sizeof(text));
		add(fd, EPOLLIN);
		return;
	}
	if (is_fixed || is_shape("removed")) {
		add(fd, EPOLLIN);
	} else if (!is_forgotten()) {
		target_wait_event(fd, POLLIN);
		TARGET_CHECK(read(fd, text, sizeof(text)) == sizeof(text));
		add(fd, shape->events);
	}
	if (!is_fixed)
		target_wait_fin(fd);
}

/* A connection that the server made to itself: it lives, is used and polled. */
static void add_living(int listener)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(write(client, "hi", READ_SIZE) == READ_SIZE);
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
	pid_t clients;
	int listener;

	target_begin();
	choose(argc, argv);
	target_expect(is_fixed ? NULL : shape->cause, shape->verdict, CLIENTS);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	listener = target_listen(0);
	target_thread_start(&loop, run_loop, NULL);
	clients = target_start_clients(target_port(listener), CLIENTS,
				       is_forgotten() ? TARGET_SILENT : TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++)
		serve(listener, false);
	target_end_clients(clients);
	while (is_shape("removed") && nremoved < CLIENTS)
		target_pause();
	target_wait_tick();
	add_living(listener);
	serve(listener, true);
	while (is_fixed && nclosed < CLIENTS)
		target_pause();
	if (!is_shape("busy") && !is_shape("spinning"))
		target_wait_in_call(&loop, is_shape("stopped") ? SYS_futex : SYS_epoll_wait);
	target_hold();
	return 0;
}
