/* SPDX-License-Identifier: MIT */
/*
 * The ways in which mixed_causes.c leaves its connections open.  Each takes `count` clients of the
 * listener, or makes as many connections of its own, and returns when the peers have closed and
 * nothing more will happen.
 */
#ifndef CWSHIM_MIXED_WAYS_H
#define CWSHIM_MIXED_WAYS_H

#include "target_threads.h"
#include "target_upstream.h"

#include <sys/epoll.h>

enum { MANY = 8, PART = 2, FAR = 300, LATER_MS = 150 };

static struct {
	int epfd;
	struct target_thread loop, streamer, sender, waiters[MANY];
	int nwaiters, streamed, sent_to;
	_Atomic int ntaken_out;
	int waited_for[MANY];
	pthread_mutex_t lock; /* never given back */
} mix = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int take(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	TARGET_CHECK(fd >= 0);
	return fd;
}

static int make_connection(int port)
{
	struct sockaddr_in address = target_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TARGET_CHECK(fd >= 0);
	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static void read_to_end(int fd)
{
	char text[256];

	while (read(fd, text, sizeof(text)) > 0)
		;
}

static void read_part(int fd)
{
	char text[PART];

	TARGET_CHECK(read(fd, text, sizeof(text)) == sizeof(text));
}

/* Clients that say something and hang up; returns when they have. */
static void take_clients(int listener, int count, const char *manner, int *ret_fds)
{
	pid_t clients = target_start_clients(target_port(listener), count, manner);

	TARGET_CHECK(count <= MANY);
	for (int i = 0; i < count; i++)
		ret_fds[i] = take(listener);
	target_end_clients(clients);
	for (int i = 0; i < count; i++)
		target_wait_fin(ret_fds[i]);
}

static void serve_well(int listener)
{
	int fd;

	take_clients(listener, 1, TARGET_DROP, &fd);
	read_to_end(fd);
	close(fd);
}

/* Takes clients and does the same to each. */
static void with_each(int listener, int count, void (*act)(int fd))
{
	int fds[MANY];

	take_clients(listener, count, TARGET_DROP, fds);
	for (int i = 0; i < count; i++)
		act(fds[i]);
}

/* --- Copies -------------------------------------------------------------------------------------
 */

static void serve_in_child(int fd)
{
	pid_t child = fork();

	TARGET_CHECK(child >= 0);
	if (child == 0) {
		read_to_end(fd);
		close(fd);
		_exit(0);
	}
	TARGET_CHECK(waitpid(child, NULL, 0) == child);
}

static void keep_in_parent(int listener, int count)
{
	with_each(listener, count, serve_in_child);
}

/* A child that does nothing for as long as we live; of what is open it keeps these only. */
static void start_helper(const int *fds, int count)
{
	pid_t child = fork();

	TARGET_CHECK(child >= 0);
	if (child != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = STDERR_FILENO + 1; fd < FAR; fd++) {
		bool is_kept = false;

		for (int i = 0; i < count; i++)
			is_kept |= fd == fds[i];
		if (!is_kept)
			close(fd);
	}
	for (;;)
		pause();
}

static void keep_in_child(int listener, int count)
{
	int fds[MANY];

	take_clients(listener, count, TARGET_DROP, fds);
	start_helper(fds, count);
	for (int i = 0; i < count; i++) {
		read_to_end(fds[i]);
		close(fds[i]);
	}
}

union right {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static struct msghdr right_message(union right *right, struct iovec *byte)
{
	static char text;

	*byte = (struct iovec){&text, 1};
	return (struct msghdr){
		.msg_iov = byte,
		.msg_iovlen = 1,
		.msg_control = right,
		.msg_controllen = sizeof(*right),
	};
}

static void send_right(int to, int fd)
{
	union right right;
	struct iovec byte;
	struct msghdr message = right_message(&right, &byte);

	right.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&right.header), &fd, sizeof(fd));
	TARGET_CHECK(sendmsg(to, &message, 0) == 1);
}

static int receive_right(int from)
{
	union right right;
	struct iovec byte;
	struct msghdr message = right_message(&right, &byte);
	int fd;

	if (recvmsg(from, &message, 0) <= 0)
		return -1;
	memcpy(&fd, CMSG_DATA(&right.header), sizeof(fd));
	return fd;
}

static void work(int from)
{
	int fd;

	while ((fd = receive_right(from)) >= 0) {
		read_to_end(fd);
		close(fd);
	}
	_exit(0);
}

/* The worker is there before its connections. */
static void pass_and_keep(int listener, int count)
{
	int pair[2], fds[MANY];
	pid_t worker;

	TARGET_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	worker = fork();
	TARGET_CHECK(worker >= 0);
	if (worker == 0) {
		close(pair[0]);
		work(pair[1]);
	}
	close(pair[1]);
	take_clients(listener, count, TARGET_DROP, fds);
	for (int i = 0; i < count; i++)
		send_right(pair[0], fds[i]);
	close(pair[0]);
	TARGET_CHECK(waitpid(worker, NULL, 0) == worker);
}

static void copy_and_close(int fd)
{
	int copy = dup(fd);

	TARGET_CHECK(copy >= 0);
	read_to_end(fd);
	close(fd);
}

static void keep_a_copy(int listener, int count)
{
	with_each(listener, count, copy_and_close);
}

/* --- As a client --------------------------------------------------------------------------------
 */

static void exchange(int fd)
{
	char answer[6];

	TARGET_CHECK(write(fd, "hi", 2) == 2);
	TARGET_CHECK(read(fd, answer, sizeof(answer)) == sizeof(answer));
}

/* The first ones are given up by the server at once. */
static int be_client(int count, int hang_up_at_once, int *ret_fds)
{
	struct target_upstream upstream = target_upstream_start(count, hang_up_at_once);

	for (int i = 0; i < count; i++) {
		ret_fds[i] = make_connection(upstream.port);
		exchange(ret_fds[i]);
		if (i < hang_up_at_once)
			read_to_end(ret_fds[i]);
		poll(NULL, 0, LATER_MS); /* the next one is clearly later */
	}
	return upstream.word;
}

static void keep_in_pool(int listener, int count)
{
	int fds[MANY], word = be_client(count, 0, fds);

	(void)listener;
	TARGET_CHECK(write(word, "x", 1) == 1);
	for (int i = 0; i < count; i++)
		target_wait_fin(fds[i]);
}

static void abandon(int listener, int count)
{
	keep_in_pool(listener, count);
}

/* The last one lives. */
static void reconnect(int listener, int count)
{
	int fds[MANY];

	(void)listener;
	be_client(count + 1, count, fds);
}

/* --- The end-of-file is known -------------------------------------------------------------------
 */

static void end_by_shutdown(int fd)
{
	read_to_end(fd);
	TARGET_CHECK(shutdown(fd, SHUT_RDWR) == 0);
}

static void shut_down(int listener, int count)
{
	with_each(listener, count, end_by_shutdown);
}

static void close_far_number(int fd)
{
	read_to_end(fd);
	TARGET_CHECK(close(fd + FAR) < 0);
}

static void close_another(int listener, int count)
{
	with_each(listener, count, close_far_number);
}

static void forget_after_end(int listener, int count)
{
	with_each(listener, count, read_to_end);
}

/* Its own client, which goes without a FIN. */
static void ignore_reset(int listener, int count)
{
	static const struct linger none = {1, 0};
	char byte;

	while (count-- > 0) {
		int client = make_connection(target_port(listener)), fd = take(listener);

		TARGET_CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &none, sizeof(none)) == 0);
		close(client);
		TARGET_CHECK(read(fd, &byte, 1) < 0 && errno == ECONNRESET);
	}
}

static void stream(void *unused)
{
	(void)unused;
	read_to_end(mix.streamed);
	while (send(mix.streamed, "more", 4, MSG_NOSIGNAL) == 4)
		poll(NULL, 0, LATER_MS);
}

static void go_on_sending(int listener, int count)
{
	TARGET_CHECK(count == 1);
	target_start_clients(target_port(listener), 1, TARGET_HALF);
	mix.streamed = take(listener);
	target_wait_fin(mix.streamed);
	target_thread_start(&mix.streamer, stream, NULL);
}

/* --- Nobody gets to the end-of-file -------------------------------------------------------------
 */

static void forget_at_once(int listener, int count)
{
	int fds[MANY];

	take_clients(listener, count, TARGET_SILENT, fds);
}

static void send_to_deaf(void *unused)
{
	static char data[4096];

	(void)unused;
	while (send(mix.sent_to, data, sizeof(data), MSG_NOSIGNAL) > 0)
		;
}

static void send_for_ever(int listener, int count)
{
	TARGET_CHECK(count == 1);
	target_start_clients(target_port(listener), 1, TARGET_DEAF);
	mix.sent_to = take(listener);
	target_thread_start(&mix.sender, send_to_deaf, NULL);
	target_wait_fin(mix.sent_to);
}

static void lock_for_ever(void *fd)
{
	read_part(*(int *)fd);
	pthread_mutex_lock(&mix.lock);
}

static void wait_for_lock(int listener, int count)
{
	take_clients(listener, count, TARGET_DROP, mix.waited_for);
	pthread_mutex_lock(&mix.lock);
	for (mix.nwaiters = 0; mix.nwaiters < count; mix.nwaiters++)
		target_thread_start(&mix.waiters[mix.nwaiters], lock_for_ever,
				    &mix.waited_for[mix.nwaiters]);
}

/* --- The event loop ------------------------------------------------------------------------------
 */

/* In an event's data, beside the descriptor. */
#define TAKE_OUT (UINT64_C(1) << 32)

static void run_loop(void *unused)
{
	struct epoll_event event;

	(void)unused;
	for (;;) {
		epoll_wait(mix.epfd, &event, 1, -1);
		if (!(event.data.u64 & TAKE_OUT))
			continue;
		read_part(event.data.fd);
		TARGET_CHECK(epoll_ctl(mix.epfd, EPOLL_CTL_DEL, event.data.fd, NULL) == 0);
		mix.ntaken_out++;
	}
}

static void start_loop(void)
{
	mix.epfd = epoll_create1(EPOLL_CLOEXEC);
	TARGET_CHECK(mix.epfd >= 0);
	target_thread_start(&mix.loop, run_loop, NULL);
}

static void watch(int fd, uint32_t events, uint64_t manner)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd | manner};

	TARGET_CHECK(epoll_ctl(mix.epfd, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void watch_without_input(int fd)
{
	read_part(fd);
	watch(fd, EPOLLPRI, 0);
}

static void pause_reading(int listener, int count)
{
	with_each(listener, count, watch_without_input);
}

static void watch_until_event(int fd)
{
	watch(fd, EPOLLIN, TAKE_OUT);
}

static void take_out(int listener, int count)
{
	with_each(listener, count, watch_until_event);
	while (mix.ntaken_out < count)
		target_pause();
}

static void watch_once(int fd)
{
	read_part(fd);
	watch(fd, EPOLLIN | EPOLLET, 0);
}

static void ignore_event(int listener, int count)
{
	with_each(listener, count, watch_once);
}

/* A connection that the program made to itself: it lives, is used and polled. */
static void keep_living(int listener)
{
	int client = make_connection(target_port(listener)), fd = take(listener);

	TARGET_CHECK(write(client, "hi", PART) == PART);
	read_part(fd);
	watch(fd, EPOLLIN, 0);
}

static void wait_for_rest(void)
{
	for (int i = 0; i < mix.nwaiters; i++)
		target_wait_in_call(&mix.waiters[i], SYS_futex);
	target_wait_in_call(&mix.sender, SYS_sendto);
	target_wait_full(mix.sent_to);
	target_wait_in_call(&mix.loop, SYS_epoll_wait);
}

#endif
