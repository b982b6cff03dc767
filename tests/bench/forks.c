// SPDX-License-Identifier: MIT
/*
 * forks OPEN TIMES: microseconds that the parent spends in one fork() with OPEN sockets open.
 * Then it waits for the end of its standard input, so that its session can be looked at.
 */
#include <sys/wait.h>

#include "bench.h"

static double timed_fork(void)
{
	double began = bench_now_ns(), took;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	took = bench_now_ns() - began;
	BENCH_CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid);
	return took / 1e3;
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[2]) : 0;
	double *took = calloc((size_t)times + 1, sizeof(*took));
	char byte;

	BENCH_CHECK(times > 0 && took);
	bench_open_sockets(atoi(argv[1]));
	for (int i = 0; i < times; i++)
		took[i] = timed_fork();
	bench_figure(bench_quartile(took, (size_t)times));
	free(took);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
