/* SPDX-License-Identifier: MIT */
/*
 * What target programs share.  A target says on standard output what a report about it must
 * contain, behaves accordingly, and then holds still:
 *
 *     EXPECT cause=eof-read-not-closed verdict=leak count=3 created=serve:41 eof=serve:44
 *     EXPECT none              (nothing may be found)
 *     READY                    (the state to report on is reached)
 *
 * It ends when its standard input does.  Its peers are the same program started again with
 * --client, without the shim and without any descriptor of the server, so that only the server's
 * sockets can be found.  Targets bind port 0 of the loopback, wait by polling with a deadline, and
 * an alarm ends what hangs.
 */
#ifndef CWSHIM_TARGET_H
#define CWSHIM_TARGET_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TARGET_DEADLINE_S = 60, TARGET_DEADLINE_MS = TARGET_DEADLINE_S * 1000 };

static inline void target_die(const char *what)
{
	fprintf(stderr, "target: %s: %s\n", what, strerror(errno));
	exit(99);
}

#define TARGET_CHECK(condition)                 \
	do {                                    \
		if (!(condition))               \
			target_die(#condition); \
	} while (0)

/*
 * A line that a report must name.  MARK_NEXT(created) says that the call on the next line is where
 * the stack `created` of the finding starts.
 */
struct target_mark {
	const char *stack;
	const char *function;
	int line;
};

/* Bounds that the linker gives the section; absent if the program has no marks. */
extern const struct target_mark *const __start_target_marks[] __attribute__((weak));
extern const struct target_mark *const __stop_target_marks[] __attribute__((weak));

#define MARK_NEXT(stack)                                                                 \
	do {                                                                             \
		static const struct target_mark mark = {#stack, __func__, __LINE__ + 1}; \
		static const struct target_mark *const pointer                           \
			__attribute__((section("target_marks"), used)) = &mark;          \
		(void)pointer;                                                           \
	} while (0)

/* A finding that the report must contain, with all marks of the program; NULL: none at all. */
static inline void target_expect(const char *cause, const char *verdict, int count)
{
	const struct target_mark *const *mark = __start_target_marks;

	if (!cause) {
		puts("EXPECT none");
		return;
	}
	printf("EXPECT cause=%s verdict=%s count=%d", cause, verdict, count);
	for (; mark < __stop_target_marks; mark++)
		printf(" %s=%s:%d", (*mark)->stack, (*mark)->function, (*mark)->line);
	putchar('\n');
}

/* Called first: whatever happens, the program ends. */
static inline void target_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(TARGET_DEADLINE_S);
}

/* The state is reached; returns when standard input has ended. */
static inline void target_hold(void)
{
	char byte;

	puts("READY");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static inline struct sockaddr_in target_address(int port)
{
	struct sockaddr_in address;

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons((unsigned short)port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static inline int target_port(int listener)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	TARGET_CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	return ntohs(address.sin_port);
}

/* A listener on the loopback; port 0: any. */
static inline int target_listen(int port)
{
	struct sockaddr_in address = target_address(port);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	TARGET_CHECK(listener >= 0);
	TARGET_CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(listen(listener, 128) == 0);
	return listener;
}

/* Waits until the descriptor has one of these events. */
static inline void target_wait_event(int fd, short events)
{
	struct pollfd entry = {fd, events, 0};
	int ready;

	do
		ready = poll(&entry, 1, TARGET_DEADLINE_MS);
	while (ready < 0 && errno == EINTR);
	if (ready != 1)
		target_die("deadline: the awaited event did not come");
}

/* Waits until the peer has closed. */
static inline void target_wait_fin(int fd)
{
	target_wait_event(fd, POLLRDHUP);
}

/* Waits until there is unsent data, of which the peer has taken nothing for half a second. */
static inline void target_wait_full(int fd)
{
	int quiet = 0, before = 0, now = 0;

	for (int i = 0; i < TARGET_DEADLINE_MS / 10 && quiet < 50; i++) {
		poll(NULL, 0, 10);
		TARGET_CHECK(ioctl(fd, TIOCOUTQ, &now) == 0);
		quiet = now && now == before ? quiet + 1 : 0;
		before = now;
	}
	TARGET_CHECK(quiet == 50);
}

/* What a client does, each of `count` times, one after the other. */
#define TARGET_TALK   "talk"   /* send, read an answer, hang up */
#define TARGET_DROP   "drop"   /* send, hang up */
#define TARGET_SILENT "silent" /* hang up */
#define TARGET_HALF   "half"   /* send, close the writing half only, read to the end */
#define TARGET_DEAF   "deaf"   /* send, never read, close the writing half when the rest is full */

/* Until no more arrives for a while. */
static inline void target_client_be_deaf(int fd)
{
	int quiet = 0, before = 0, now = 0;

	while (quiet++ < 20) {
		poll(NULL, 0, 10);
		TARGET_CHECK(ioctl(fd, FIONREAD, &now) == 0);
		if (now != before)
			quiet = 0;
		before = now;
	}
	TARGET_CHECK(shutdown(fd, SHUT_WR) == 0);
	pause(); /* until the target has ended */
}

static inline void target_client_converse(int fd, const char *manner)
{
	char answer[256];

	if (strcmp(manner, TARGET_SILENT) != 0)
		TARGET_CHECK(write(fd, "hello", 5) == 5);
	if (strcmp(manner, TARGET_TALK) == 0)
		TARGET_CHECK(read(fd, answer, sizeof(answer)) > 0);
	if (strcmp(manner, TARGET_DEAF) == 0)
		target_client_be_deaf(fd);
	if (strcmp(manner, TARGET_HALF) != 0)
		return;
	TARGET_CHECK(shutdown(fd, SHUT_WR) == 0);
	while (read(fd, answer, sizeof(answer)) > 0)
		;
}

static inline void target_client(int port, int count, const char *manner)
{
	struct sockaddr_in address = target_address(port);

	while (count-- > 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		TARGET_CHECK(fd >= 0);
		TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
		target_client_converse(fd, manner);
		close(fd);
	}
}

/* --client PORT COUNT MANNER: be the client, before main. */
__attribute__((constructor)) static void target_be_client(int argc, char **argv)
{
	if (argc != 5 || strcmp(argv[1], "--client") != 0)
		return;
	alarm(TARGET_DEADLINE_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	target_client(atoi(argv[2]), atoi(argv[3]), argv[4]);
	_exit(0);
}

/* Starts clients in a process of their own, which the shim does not see. */
static inline pid_t target_start_clients(int port, int count, const char *manner)
{
	char port_text[16], count_text[16];
	pid_t pid;

	snprintf(port_text, sizeof(port_text), "%d", port);
	snprintf(count_text, sizeof(count_text), "%d", count);
	pid = fork();
	TARGET_CHECK(pid >= 0);
	if (pid == 0) {
		unsetenv("LD_PRELOAD");
		execl("/proc/self/exe", "client", "--client", port_text, count_text, manner,
		      (char *)NULL);
		_exit(98);
	}
	return pid;
}

/* Waits for the clients; ends the target if they failed. */
static inline void target_end_clients(pid_t clients)
{
	int status;

	TARGET_CHECK(waitpid(clients, &status, 0) == clients);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		target_die("the clients failed");
}

/* Is this word among the arguments? */
static inline bool target_has_option(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

/* The number of --name=N, or otherwise. */
static inline int target_number(int argc, char **argv, const char *prefix, int otherwise)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], prefix, strlen(prefix)) == 0)
			return atoi(argv[i] + strlen(prefix));
	return otherwise;
}

#endif
