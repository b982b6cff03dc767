/* SPDX-License-Identifier: MIT */
/*
 * For targets that are clients: a server in a process of its own, which answers each connection
 * once, or as often as asked for, and hangs up.  Who asks with GET is answered in HTTP.
 */
#ifndef CWSHIM_TARGET_UPSTREAM_H
#define CWSHIM_TARGET_UPSTREAM_H

#include "target.h"

#include <netinet/tcp.h>

struct target_upstream {
	int port;
	int word; /* 'x' written here makes it hang up on all, 'b' after a word of goodbye, 'r' by a
		     reset; 'a' answer each once more */
};

enum { TARGET_UPSTREAM_MAX = 8 };

/* What was asked is read whole: closed unread, it would be a reset and not a FIN. */
static inline void target_upstream_answer(int fd)
{
	static const char http[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer";
	char text[4096];
	ssize_t size = read(fd, text, sizeof(text));
	bool is_http = size > 4 && memcmp(text, "GET ", 4) == 0;
	const char *answer = is_http ? http : "answer";

	TARGET_CHECK(size > 0);
	TARGET_CHECK(write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer));
}

static inline void target_upstream_obey(char word, int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	switch (word) {
	case 'a':
		target_upstream_answer(fd);
		return;
	case 'b':
		TARGET_CHECK(write(fd, "bye", 3) == 3);
		break;
	case 'r':
		TARGET_CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
		break;
	}
	close(fd);
}

static inline void target_upstream_run(int listener, int word, int count, int hang_up_at_once)
{
	int fds[TARGET_UPSTREAM_MAX];
	char text[16];

	for (int i = 0; i < count; i++) {
		fds[i] = accept(listener, NULL, NULL);
		TARGET_CHECK(fds[i] >= 0);
		target_upstream_answer(fds[i]);
		if (i < hang_up_at_once)
			close(fds[i]);
	}
	while (read(word, text, 1) > 0)
		for (int i = hang_up_at_once; i < count; i++)
			target_upstream_obey(text[0], fds[i]);
	_exit(0);
}

/* --upstream LISTENER WORD COUNT FIRST: be that server, before main, without the shim. */
__attribute__((constructor)) static void target_be_upstream(int argc, char **argv)
{
	if (argc != 6 || strcmp(argv[1], "--upstream") != 0)
		return;
	alarm(TARGET_DEADLINE_S);
	target_upstream_run(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
}

static inline void target_upstream_exec(const int *numbers)
{
	char text[4][16];

	for (int i = 0; i < 4; i++)
		snprintf(text[i], sizeof(text[i]), "%d", numbers[i]);
	for (int i = 0; i < 2; i++)
		TARGET_CHECK(fcntl(numbers[i], F_SETFD, 0) == 0);
	unsetenv("LD_PRELOAD");
	execl("/proc/self/exe", "upstream", "--upstream", text[0], text[1], text[2], text[3],
	      (char *)NULL);
	_exit(98);
}

/* It serves so many connections and hangs up on the first of them at once; it ends with us. */
static inline struct target_upstream target_upstream_start(int count, int hang_up_at_once)
{
	struct target_upstream upstream;
	int listener = target_listen(0), words[2];
	pid_t pid;

	TARGET_CHECK(count <= TARGET_UPSTREAM_MAX && pipe2(words, O_CLOEXEC) == 0);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid == 0)
		target_upstream_exec((const int[]){listener, words[0], count, hang_up_at_once});
	upstream.port = target_port(listener);
	upstream.word = words[1];
	close(words[0]);
	close(listener);
	return upstream;
}

/* Waits until the other side's kernel has acknowledged our end. */
static inline void target_wait_end_acknowledged(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	while (info.tcpi_state != TCP_FIN_WAIT2) {
		poll(NULL, 0, 2);
		TARGET_CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
	}
}

#endif
