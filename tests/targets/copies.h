/* SPDX-License-Identifier: MIT */
/*
 * What the targets share in which copies of a descriptor are left somewhere: in a parent, in
 * children, in executed programs, with the sender of a message, under a second number.
 *
 *     PROGRAM --shape=NAME [--children=N] [--killed] [--fixed] [--leash=FD]
 *
 * --children=N (default 1) takes part.  --killed: the children are killed with SIGKILL before they
 * could close.  --fixed: the corrected program.  Beside EXPECT the program says who must be found
 * to have the sockets open:
 *
 *     HOLDER pid=4711 fd=5 via=fork
 *
 * Children that go on living do so until the descriptor given by --leash is at its end, so that
 * they outlive this program for as long as somebody else wants; without one, until standard input
 * ends.
 */
#ifndef CWSHIM_COPIES_H
#define CWSHIM_COPIES_H

#include "target.h"

#include <sys/un.h>

enum { CHILDREN_MAX = 500 };

/* One way to leave copies about; its marks are those in these functions, separated by blanks. */
struct shape {
	const char *name;
	void (*run)(void);
	const char *functions;
	const char *functions_killed; /* with --killed */
};

static int listener, children = 1, leash = STDIN_FILENO;
static bool is_killed, is_fixed;
static int news[2]; /* children say here which process they are */

/* --- Children. --- */

/* Of a child: off the test's pipe, which ends with the program, and not for ever. */
static inline void child_begin(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	alarm(TARGET_DEADLINE_S);
	TARGET_CHECK(null >= 0 && dup2(null, STDOUT_FILENO) == STDOUT_FILENO);
	close(null);
}

static inline void child_tell(void)
{
	pid_t pid = getpid();

	TARGET_CHECK(write(news[1], &pid, sizeof(pid)) == (ssize_t)sizeof(pid));
}

static inline void child_stay(void)
{
	char byte;

	child_tell();
	while (read(leash, &byte, 1) > 0)
		;
	_exit(0);
}

static inline void child_await_kill(void)
{
	child_tell();
	for (;;)
		pause();
}

/* The next process that tells its number. */
static inline pid_t await_child(void)
{
	pid_t pid;

	target_wait_event(news[0], POLLIN);
	TARGET_CHECK(read(news[0], &pid, sizeof(pid)) == (ssize_t)sizeof(pid));
	return pid;
}

static inline void kill_child(pid_t pid)
{
	TARGET_CHECK(kill(pid, SIGKILL) == 0);
	TARGET_CHECK(waitpid(pid, NULL, 0) == pid);
}

/* --- Connections. --- */

static inline void read_hello(int fd)
{
	char text[5];

	TARGET_CHECK(read(fd, text, sizeof(text)) == (ssize_t)sizeof(text));
}

/* Clients that say hello and hang up. */
static inline void bring_clients(int count)
{
	target_end_clients(target_start_clients(target_port(listener), count, TARGET_DROP));
}

/* --- What is expected. --- */

static inline void say_holder(pid_t pid, int fd, const char *via)
{
	printf("HOLDER pid=%d fd=%d via=%s\n", pid, fd, via);
}

static inline bool is_word_of(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

static inline void say_marks(const char *functions)
{
	for (const struct target_mark *const *mark = __start_target_marks;
	     mark < __stop_target_marks; mark++)
		if (is_word_of(functions, (*mark)->function))
			printf(" %s=%s:%d", (*mark)->stack, (*mark)->function, (*mark)->line);
}

static inline void say_expected(const struct shape *shape, const char *cause, int count)
{
	if (is_fixed || !count) {
		puts("EXPECT none");
		return;
	}
	printf("EXPECT cause=%s verdict=leak count=%d", cause, count);
	say_marks(is_killed && shape->functions_killed ? shape->functions_killed
						       : shape->functions);
	putchar('\n');
}

/* --- The program. --- */

/* The shape that is asked for; it ends the program if there is none. */
static inline const struct shape *copies_begin(int argc, char **argv, const struct shape *shapes,
					       size_t n)
{
	target_begin();
	children = target_number(argc, argv, "--children=", 1);
	leash = target_number(argc, argv, "--leash=", STDIN_FILENO);
	is_killed = target_has_option(argc, argv, "--killed");
	is_fixed = target_has_option(argc, argv, "--fixed");
	TARGET_CHECK(children > 0 && children <= CHILDREN_MAX);
	TARGET_CHECK(pipe2(news, O_CLOEXEC) == 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* grandchildren can be waited for */
	listener = target_listen(0);
	TARGET_CHECK(listen(listener, CHILDREN_MAX + 1) == 0);
	for (size_t i = 0; i < n; i++) {
		char word[64];

		snprintf(word, sizeof(word), "--shape=%s", shapes[i].name);
		if (target_has_option(argc, argv, word))
			return &shapes[i];
	}
	errno = EINVAL;
	target_die("no such shape");
	return NULL;
}

#endif
