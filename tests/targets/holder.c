/* SPDX-License-Identifier: MIT */
/*
 * A program that holds whatever descriptors it was started with until its standard input ends.
 * --quiet: it does not say READY, because who started it will.
 */
#include "target.h"

int main(int argc, char **argv)
{
	char byte;

	target_begin();
	if (!target_has_option(argc, argv, "--quiet"))
		puts("READY");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
