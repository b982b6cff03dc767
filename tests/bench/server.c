// SPDX-License-Identifier: MIT
/*
 * server fork|thread CONNECTIONS: answers each connection in a process or a thread of its own, one
 * after another, and ends after so many.  Prints `PORT N`, then the processor time, its own and its
 * children's, user and system, in microseconds a connection.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "bench.h"

static void answer(int fd)
{
	char data[256];
	ssize_t got;

	while ((got = read(fd, data, sizeof(data))) > 0)
		BENCH_CHECK(write(fd, data, (size_t)got) == got);
	close(fd);
}

static void serve_in_process(int fd)
{
	pid_t pid = fork();

	if (pid == 0) {
		answer(fd);
		_exit(0);
	}
	close(fd);
	BENCH_CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid);
}

static void *thread_main(void *argument)
{
	answer(*(int *)argument);
	return NULL;
}

static void serve_in_thread(int fd)
{
	pthread_t thread;

	BENCH_CHECK(pthread_create(&thread, NULL, thread_main, &fd) == 0);
	pthread_join(thread, NULL);
}

static double cpu_us(int who)
{
	struct rusage usage;

	BENCH_CHECK(getrusage(who, &usage) == 0);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr;
	int listener = bench_listen(&addr), count = argc > 2 ? atoi(argv[2]) : 0;
	double began;

	BENCH_CHECK(count > 0);
	printf("PORT %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	began = cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN);
	for (int i = 0; i < count; i++) {
		int fd = accept(listener, NULL, NULL);

		BENCH_CHECK(fd >= 0);
		if (strcmp(argv[1], "fork") == 0)
			serve_in_process(fd);
		else
			serve_in_thread(fd);
	}
	bench_figure((cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN) - began) / count);
	return 0;
}
