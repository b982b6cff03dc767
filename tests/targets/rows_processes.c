/* SPDX-License-Identifier: MIT */
/*
 * Functions that make processes: the parent keeps a copy of what the child was told has ended.
 */
#include "rows.h"

static void row_fork(void)
{
	int fd = accept_abandoned();
	char byte;
	pid_t child;

	EXPECT_NEXT("parent-kept-copy", "forked", "");
	child = fork();
	if (child == 0) {
		TARGET_CHECK(read(fd, &byte, 1) == 0);
		close(fd);
		_exit(0);
	}
	TARGET_CHECK(child > 0 && waitpid(child, NULL, 0) == child);
}

static const struct row rows[] = {
	{"fork", row_fork},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
