/* SPDX-License-Identifier: MIT */
/*
 * A server whose threads do not get to the end-of-file of their clients because they are stuck:
 * --shape=mutex: in a lock; upstream: in reading another server's answer; polled: the same, with a
 * poll() before the read; connect: in connect() to one that does not answer; resolver: in a
 * question to a name server, which the program plays itself (it wants port 53); sleep: in a long
 * sleep; child: in waiting for a program that it started; send: in sending to a client that takes
 * nothing.
 * --fixed: they read to the end and close.
 */
#include "serve.h"
#include "target_threads.h"

#include <netdb.h>

enum { CLIENTS = 2, BUFFER = 4096 };

static const struct shape {
	const char *option, *cause;
	int count;
	long call; /* in which the thread is stuck */
} shapes[] = {
	{"--shape=mutex", "owner-stuck", CLIENTS, SYS_futex},
	{"--shape=upstream", "owner-stuck", CLIENTS, SYS_read},
	{"--shape=polled", "owner-stuck", CLIENTS, SYS_poll},
	{"--shape=connect", "owner-stuck", CLIENTS, SYS_connect},
	{"--shape=resolver", "owner-stuck", CLIENTS, SYS_poll},
	{"--shape=sleep", "owner-stuck", CLIENTS, SYS_clock_nanosleep},
	{"--shape=child", "owner-stuck", CLIENTS, SYS_wait4},
	{"--shape=send", "blocked-in-send", 1, SYS_sendto},
};

static const struct shape *shape;
static bool is_fixed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fds[CLIENTS];
static int silent; /* a listener that accepts nobody */
static _Atomic int nclosed;

static bool is_shape(const char *name)
{
	return strcmp(shape->option + strlen("--shape="), name) == 0;
}

static void ask_upstream(void)
{
	struct sockaddr_in address = target_address(target_port(silent));
	char answer[16];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return;
	if (is_shape("polled"))
		target_wait_event(fd, POLLIN);
	while (read(fd, answer, sizeof(answer)) > 0)
		;
}

/* A name server that never answers. */
static void start_name_server(void)
{
	struct sockaddr_in address = target_address(53);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	TARGET_CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static void ask_name_server(void)
{
	struct addrinfo *found;

	if (getaddrinfo("nobody.example", "80", NULL, &found) == 0)
		freeaddrinfo(found);
}

static void send_for_ever(int fd)
{
	static char data[BUFFER];

	while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
}

/* It ends when this process does, which alone has the other end of its standard input. */
static void run_program(void)
{
	int ends[2];
	pid_t child;

	TARGET_CHECK(pipe2(ends, O_CLOEXEC) == 0);
	child = fork();
	TARGET_CHECK(child >= 0);
	if (child == 0) {
		dup2(ends[0], STDIN_FILENO);
		execlp("cat", "cat", (char *)NULL);
		_exit(99);
	}
	close(ends[0]);
	waitpid(child, NULL, 0);
}

static void get_stuck(int fd)
{
	if (is_shape("send")) {
		send_for_ever(fd);
	} else if (is_shape("resolver")) {
		ask_name_server();
	} else if (is_shape("sleep")) {
		sleep(10 * TARGET_DEADLINE_S);
	} else if (is_shape("child")) {
		run_program();
	} else if (is_shape("upstream") || is_shape("polled") || is_shape("connect")) {
		ask_upstream();
	} else {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}
}

static void finish(int fd)
{
	char text[BUFFER];

	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	nclosed++;
}

static void serve(void *argument)
{
	int fd = *(int *)argument;
	char text[2];

	if (!is_fixed) {
		TARGET_CHECK(read(fd, text, sizeof(text)) == sizeof(text));
		get_stuck(fd);
	}
	finish(fd);
}

/* Its queue is full, so that connect() to it waits. */
static void fill_silent(void)
{
	struct sockaddr_in address = target_address(target_port(silent));

	TARGET_CHECK(listen(silent, 0) == 0);
	for (int i = 0; i < 2; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
	}
}

static void play_send(int listener)
{
	struct target_thread thread = {.tid = 0};

	target_start_clients(target_port(listener), 1, TARGET_DEAF);
	fds[0] = take(listener);
	target_thread_start(&thread, serve, &fds[0]);
	if (is_fixed)
		return;
	target_wait_fin(fds[0]);
	target_wait_full(fds[0]);
	target_wait_in_call(&thread, shape->call);
}

static void play(int listener)
{
	struct target_thread threads[CLIENTS] = {{.tid = 0}};
	pid_t clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);

	for (int i = 0; i < CLIENTS; i++)
		fds[i] = take(listener);
	for (int i = 0; i < CLIENTS; i++)
		target_thread_start(&threads[i], serve, &fds[i]);
	target_end_clients(clients);
	for (int i = 0; i < CLIENTS && !is_fixed; i++) {
		target_wait_in_call(&threads[i], shape->call);
		target_wait_fin(fds[i]);
	}
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
	int listener;

	target_begin();
	choose(argc, argv);
	target_expect(is_fixed ? NULL : shape->cause, "stall", shape->count);
	listener = target_listen(0);
	silent = target_listen(0);
	if (is_shape("connect"))
		fill_silent();
	if (is_shape("resolver"))
		start_name_server();
	pthread_mutex_lock(&lock);
	if (is_shape("send"))
		play_send(listener);
	else
		play(listener);
	while (is_fixed && nclosed < shape->count)
		target_pause();
	target_hold();
	return 0;
}
