// SPDX-License-Identifier: MIT
/*
 * crowd memory|pause|wait OPEN: with OPEN sockets open,
 * memory  kilobytes resident, the shim's session included;
 * pause   milliseconds that a thread is held by the report signal;
 * wait    nothing, until the end of standard input: somebody else measures.
 */
#include <signal.h>

#include "bench.h"

static double resident_kb(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	BENCH_CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static double pause_ms(void)
{
	double began = bench_now_ns();

	raise(SIGRTMAX - 3);
	return (bench_now_ns() - began) / 1e6;
}

int main(int argc, char **argv)
{
	char byte;

	BENCH_CHECK(argc == 3);
	bench_open_sockets(atoi(argv[2]));
	if (strcmp(argv[1], "memory") == 0)
		bench_figure(resident_kb());
	else if (strcmp(argv[1], "pause") == 0)
		bench_figure(pause_ms());
	else
		bench_figure(0);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
