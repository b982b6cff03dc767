/* SPDX-License-Identifier: MIT */
/*
 * For targets with threads: start them, and wait until one has come to rest in a system call.
 */
#ifndef CWSHIM_TARGET_THREADS_H
#define CWSHIM_TARGET_THREADS_H

#include "target.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

/* A thread says here who it is. */
struct target_thread {
	pthread_t handle;
	_Atomic pid_t tid;
	void (*run)(void *);
	void *argument;
};

static inline void *target_thread_main(void *argument)
{
	struct target_thread *thread = (struct target_thread *)argument;

	thread->tid = (pid_t)syscall(SYS_gettid);
	thread->run(thread->argument);
	return NULL;
}

static inline void target_thread_start(struct target_thread *thread, void (*run)(void *),
				       void *argument)
{
	thread->run = run;
	thread->argument = argument;
	TARGET_CHECK(pthread_create(&thread->handle, NULL, target_thread_main, thread) == 0);
}

static inline void target_pause(void)
{
	struct timespec pause = {0, 2000000};

	nanosleep(&pause, NULL);
}

/* What comes next is later by the shim's clock, which counts in ticks. */
static inline void target_wait_tick(void)
{
	struct timespec start, now;

	TARGET_CHECK(clock_gettime(CLOCK_MONOTONIC_COARSE, &start) == 0);
	do {
		target_pause();
		TARGET_CHECK(clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0);
	} while (now.tv_sec == start.tv_sec && now.tv_nsec == start.tv_nsec);
}

/* Is the thread in this system call now? */
/* Or has gone back into one that was interrupted, whichever that was (restart_syscall(2)). */
static inline bool target_is_in_call(pid_t tid, long number)
{
	char path[64];
	long current = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%ld", &current) != 1)
		current = -1;
	fclose(file);
	return current == number || current == SYS_restart_syscall;
}

/* Waits until the thread rests in this system call; the alarm is the deadline. */
static inline void target_wait_in_call(struct target_thread *thread, long number)
{
	int seen = 0;

	while (seen < 5) {
		seen = thread->tid && target_is_in_call(thread->tid, number) ? seen + 1 : 0;
		target_pause();
	}
}

#endif
