// SPDX-License-Identifier: MIT
/*
 * forks OPEN TIMES [serve]: microseconds that the parent spends in one fork() with OPEN sockets
 * open.  `serve`: each child is handed a connection whose peer has hung up, opens a socket of its
 * own, reads the end-of-file, closes both and exits; the figure is then a whole connection's.  A
 * line GREW tells by how many kB the parent's resident memory grew after the first hundredth.  Then
 * it waits for the end of its standard input, so that its session can be looked at.
 */
#include <stdbool.h>
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

static void serve(int connection)
{
	int own = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	BENCH_CHECK(own >= 0 && read(connection, &byte, 1) == 0);
	close(connection);
	close(own);
	exit(0);
}

static double timed_service(int listener, const struct sockaddr_in *addr)
{
	double began = bench_now_ns();
	int status, peer = bench_connect(addr), connection = accept(listener, NULL, NULL);
	pid_t pid;

	close(peer);
	BENCH_CHECK(connection >= 0);
	pid = fork();
	if (pid == 0)
		serve(connection);
	close(connection);
	BENCH_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return (bench_now_ns() - began) / 1e3;
}

static long resident_kb(void)
{
	long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	BENCH_CHECK(statm && fscanf(statm, "%*d %ld", &pages) == 1);
	fclose(statm);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The figures' own memory is touched before it is measured. */
static void serve_all(double *took, int times)
{
	struct sockaddr_in addr;
	int listener = bench_listen(&addr);
	long before = 0;

	for (int i = 0; i < times; i++)
		took[i] = 1;
	for (int i = 0; i < times; i++) {
		if (i == times / 100)
			before = resident_kb();
		took[i] = timed_service(listener, &addr);
	}
	printf("GREW %ld\n", resident_kb() - before);
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[2]) : 0;
	bool is_serving = argc > 3 && strcmp(argv[3], "serve") == 0;
	double *took = calloc((size_t)times + 1, sizeof(*took));
	char byte;

	BENCH_CHECK(times > 0 && took);
	bench_open_sockets(atoi(argv[1]));
	if (is_serving)
		serve_all(took, times);
	for (int i = 0; i < times && !is_serving; i++)
		took[i] = timed_fork();
	bench_figure(bench_quartile(took, (size_t)times));
	free(took);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
