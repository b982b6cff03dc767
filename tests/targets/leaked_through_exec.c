/* SPDX-License-Identifier: MIT */
/*
 * A server that starts a program while a connection is open, and then serves and closes the
 * connection: the program still holds it.
 *
 *     leaked_through_exec [--background] [--fixed]
 *
 * The program is executed by a forked child; --background: by a shell that ends at once.
 * --fixed: the connection is marked close-on-exec.
 */
#include "rows.h"

static char holder[4096];
static int ends[2];

static void find_holder(void)
{
	ssize_t size = readlink("/proc/self/exe", holder, sizeof(holder) - 16);

	TARGET_CHECK(size > 0);
	strcpy(strrchr(holder, '/'), "/holder");
	TARGET_CHECK(pipe(ends) == 0);
}

/* The shell would give a background program /dev/null for its input. */
static void start_in_background(void)
{
	char command[5000];

	snprintf(command, sizeof(command), "exec 3<&0; %s <&3 >&%d &", holder, ends[1]);
	TARGET_CHECK(system(command) == 0);
}

static void start_by_fork(bool is_fixed)
{
	pid_t child;

	if (!is_fixed)
		printf("EXPECT cause=leaked-through-exec verdict=leak count=1 via=exec "
		       "executed=%s:%d\n",
		       __func__, __LINE__ + 5);
	child = fork();
	TARGET_CHECK(child >= 0);
	if (child == 0) {
		TARGET_CHECK(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
		execl(holder, holder, (char *)NULL);
		target_die("execl");
	}
}

/* Its standard output is the pipe: it says that it runs. */
static void await_holder(void)
{
	char text[6];

	TARGET_CHECK(read(ends[0], text, sizeof(text)) == (ssize_t)sizeof(text));
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_background = target_has_option(argc, argv, "--background");
	char byte;
	int fd;

	target_begin();
	find_holder();
	raw_listen();
	fd = accept_abandoned();
	TARGET_CHECK(!is_fixed || fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
	if (is_background)
		start_in_background();
	else
		start_by_fork(is_fixed);
	await_holder();
	TARGET_CHECK(read(fd, &byte, 1) == 0);
	if (is_background && !is_fixed)
		EXPECT_NEXT("leaked-through-exec", "closed_elsewhere", "via=exec");
	close(fd);
	target_hold();
	return 0;
}
