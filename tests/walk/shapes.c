/* SPDX-License-Identifier: MIT */
/*
 * shapes SEED STACKS: makes so many stacks of functions chosen at random, with frames of all forms
 * that compilers make, interrupted by signals, on stacks of threads, coroutines and sigaltstack(),
 * and asks for a look at the innermost end of each.
 */
#include "shapes.h"

#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { DEPTH_MAX = 24, STACK_SIZE = 1 << 20 };

static _Thread_local uint32_t seed;
static _Thread_local volatile int signal_depth; /* volatile: raise() is said not to call back */
static _Thread_local int contexts;
static volatile int sink;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void shape_small(int depth)
{
	shape_next(depth - 1);
	sink++;
}

static void shape_tail(int depth)
{
	shape_next(depth - 1);
}

static void shape_large(int depth)
{
	volatile char space[20000];

	space[depth] = 1;
	shape_next(depth - 1);
	sink += space[depth];
}

static void shape_alloca(int depth)
{
	char *space = alloca(draw(5000) + 1);

	memset(space, depth, 1);
	shape_next(depth - 1);
	sink += *space;
}

static void shape_array(int depth)
{
	volatile int numbers[draw(300) + 1];

	numbers[0] = depth;
	shape_next(depth - 1);
	sink += numbers[0];
}

static void shape_aligned(int depth)
{
	volatile char space[128] __attribute__((aligned(64)));

	space[0] = (char)depth;
	shape_next(depth - 1);
	sink += space[0];
}

/* Both: GCC then finds its arguments through a register of their own. */
static void shape_aligned_array(int depth)
{
	volatile char aligned[128] __attribute__((aligned(64)));
	volatile char space[draw(300) + 1];

	aligned[0] = space[0] = (char)depth;
	shape_next(depth - 1);
	sink += aligned[0] + space[0];
}

static __attribute__((noinline)) void sum(int depth, int a, int b, int c, int d, int e, int f,
					  int g, int h, int i, int j)
{
	shape_next(depth);
	sink += a + b * c + d * e + f * g + h * i + j;
}

/* Arguments on the stack, and all registers that must be saved. */
static void shape_registers(int depth)
{
	int v[10];

	for (int i = 0; i < 10; i++)
		v[i] = sink + i;
	sum(depth - 1, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]);
	for (int i = 0; i < 10; i++)
		sink += v[i];
}

static __attribute__((optimize("no-omit-frame-pointer"))) void shape_pointer(int depth)
{
	shape_next(depth - 1);
	sink++;
}

static __attribute__((optimize("omit-frame-pointer"))) void shape_no_pointer(int depth)
{
	shape_next(depth - 1);
	sink++;
}

static void shape_recursion(int depth)
{
	if (draw(30))
		shape_recursion(depth);
	else
		shape_next(depth - 1);
	sink++;
}

static _Thread_local int sorted_depth;

static int compare(const void *a, const void *b)
{
	int depth = sorted_depth;

	sorted_depth = -1;
	if (depth >= 0)
		shape_next(depth);
	return *(const int *)a - *(const int *)b;
}

static void shape_sort(int depth)
{
	int numbers[] = {3, 1, 2};

	sorted_depth = depth - 1;
	qsort(numbers, 3, sizeof(*numbers), compare);
}

static void on_signal(int number)
{
	shape_next(signal_depth);
}

static void interrupt(int number, int depth)
{
	signal_depth = depth - 1;
	raise(number);
}

static void shape_signal(int depth)
{
	interrupt(SIGUSR1, depth);
}

/* Once at a time: the kernel begins at its top again when it is left for a coroutine's. */
static void shape_other_stack(int depth)
{
	static _Thread_local volatile bool is_used;

	if (is_used)
		return shape_small(depth);
	is_used = true;
	interrupt(SIGUSR2, depth);
	is_used = false;
}

/* A fault interrupts anywhere, not behind a call: here at a read of a page that is then opened. */
static char *closed_page;

static void on_fault(int number)
{
	mprotect(closed_page, 4096, PROT_READ | PROT_WRITE);
	shape_next(signal_depth);
}

static void shape_fault(int depth)
{
	signal_depth = depth - 1;
	mprotect(closed_page, 4096, PROT_NONE);
	sink += *(volatile char *)closed_page;
}

static _Thread_local ucontext_t *other, *back;

static void run_coroutine(int depth)
{
	ucontext_t *here = other, *there = back;

	shape_next(depth);
	swapcontext(here, there);
}

/* Its stack comes and goes: nothing may be known of it next time. */
static void shape_coroutine(int depth)
{
	ucontext_t here, there;
	void *stack;

	if (contexts++ > 2)
		return shape_small(depth);
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK_SIZE;
	there.uc_link = NULL;
	makecontext(&there, (void (*)(void))run_coroutine, 1, depth - 1);
	other = &there;
	back = &here;
	swapcontext(&here, &there);
	munmap(stack, STACK_SIZE);
}

static shape *const shapes[] = {
	shape_small,	 shape_tail,	      shape_large,     shape_alloca,	  shape_array,
	shape_aligned,	 shape_aligned_array, shape_registers, shape_pointer,	  shape_no_pointer,
	shape_recursion, shape_sort,	      shape_signal,    shape_other_stack, shape_fault,
	shape_coroutine, shape_lambda,	      shape_catch,     shape_destructor,  shape_rethrow,
};

void shape_next(int depth)
{
	if (depth > 0)
		shapes[draw(sizeof(shapes) / sizeof(*shapes))](depth);
	else
		sink += getppid() & 1;
	sink++;
}

static void use_other_stack(void)
{
	stack_t stack = {.ss_size = 4 * STACK_SIZE};

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	sigaltstack(&stack, NULL);
}

static void *make_stacks(void *count)
{
	use_other_stack();
	for (int i = 0; i < (int)(intptr_t)count; i++) {
		contexts = 0;
		shape_next((int)draw(DEPTH_MAX));
	}
	return NULL;
}

/* Each thread's stack is new to the walker. */
static void *start(void *count)
{
	seed = (uint32_t)(uintptr_t)&count;
	return make_stacks(count);
}

static void handle(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_NODEFER | flags};

	sigaction(number, &action, NULL);
}

int main(int argc, char **argv)
{
	intptr_t count = argc > 2 ? atoi(argv[2]) : 100;
	pthread_t thread;

	seed = argc > 1 ? (uint32_t)atoi(argv[1]) : 1;
	closed_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	handle(SIGUSR1, on_signal, 0);
	handle(SIGUSR2, on_signal, SA_ONSTACK);
	handle(SIGSEGV, on_fault, 0);
	make_stacks((void *)count);
	for (int i = 0; i < 10; i++) {
		if (pthread_create(&thread, NULL, start, (void *)(count / 10)))
			return 1;
		pthread_join(thread, NULL);
	}
	return 0;
}
