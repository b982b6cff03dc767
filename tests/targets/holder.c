/* SPDX-License-Identifier: MIT */
/*
 * A program that holds whatever descriptors it was started with until its standard input ends.
 * --quiet: it does not say READY, because who started it will.  --tell=FD --leash=FD: it writes its
 * process number to the one and waits for the end of the other, as in copies.h.
 */
#include "target.h"

static void tell(int fd)
{
	pid_t pid = getpid();
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	TARGET_CHECK(null >= 0 && dup2(null, STDOUT_FILENO) == STDOUT_FILENO);
	TARGET_CHECK(write(fd, &pid, sizeof(pid)) == (ssize_t)sizeof(pid));
}

int main(int argc, char **argv)
{
	int told = target_number(argc, argv, "--tell=", -1);
	int leash = target_number(argc, argv, "--leash=", STDIN_FILENO);
	char byte;

	target_begin();
	if (told >= 0)
		tell(told);
	else if (!target_has_option(argc, argv, "--quiet"))
		puts("READY");
	while (read(leash, &byte, 1) > 0)
		;
	return 0;
}
