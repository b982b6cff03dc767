/* SPDX-License-Identifier: MIT */
/*
 * Once the program runs, the shim neither allocates nor keeps descriptors.  malloc and its kin are
 * counted here, in the program, where calls from every library arrive; the program itself makes
 * none during the storm.  The first rounds are not counted: what is set up once may be.
 */
#include "target.h"

#include <stdatomic.h>
#include <sys/resource.h>

enum { WARM_UP = 10, ROUNDS = 500 };

static atomic_long allocations;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *memory);

void *malloc(size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	atomic_fetch_add(&allocations, 1);
	return __libc_realloc(old, size);
}

void free(void *memory)
{
	if (memory)
		atomic_fetch_add(&allocations, 1);
	__libc_free(memory);
}

/* Lines of /proc/self/maps: mappings that the storm leaves behind would show. */
static int count_mappings(void)
{
	char text[4096];
	ssize_t size;
	int count = 0, fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	TARGET_CHECK(fd >= 0);
	while ((size = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < size; i++)
			count += text[i] == '\n';
	close(fd);
	return count;
}

static void fork_and_wait(int fd)
{
	pid_t child = fork();

	TARGET_CHECK(child >= 0);
	if (child == 0) {
		close(fd);
		_exit(0);
	}
	TARGET_CHECK(waitpid(child, NULL, 0) == child);
}

static void connection(int listener, const struct sockaddr_in *address, int round)
{
	char byte;
	int client = socket(AF_INET, SOCK_STREAM, 0), server, copy;

	TARGET_CHECK(client >= 0);
	TARGET_CHECK(connect(client, (const struct sockaddr *)address, sizeof(*address)) == 0);
	server = accept(listener, NULL, NULL);
	TARGET_CHECK(server >= 0);
	copy = dup(server);
	TARGET_CHECK(copy >= 0);
	if (round % 10 == 0)
		fork_and_wait(server);
	close(client);
	TARGET_CHECK(read(server, &byte, 1) == 0);
	TARGET_CHECK(shutdown(server, SHUT_RDWR) == 0);
	close(copy);
	close(server);
}

static void storm(int listener, int rounds)
{
	const struct sockaddr_in address = target_address(target_port(listener));

	for (int round = 0; round < rounds; round++)
		connection(listener, &address, round);
}

/* The test compares this with a run without the shim. */
static void print_descriptors(void)
{
	struct rlimit limit;

	TARGET_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	fputs("DESCRIPTORS", stdout);
	for (int fd = 0; fd < (int)limit.rlim_cur && fd < 1 << 20; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf(" %d", fd);
	putchar('\n');
}

int main(void)
{
	int listener;
	int mappings;
	long before;

	target_begin();
	target_expect(NULL, NULL, 0);
	listener = target_listen(0);
	storm(listener, WARM_UP);
	mappings = count_mappings();
	before = atomic_load(&allocations);
	storm(listener, ROUNDS);
	printf("ALLOCATIONS %ld\n", atomic_load(&allocations) - before);
	printf("MAPPINGS %d\n", count_mappings() - mappings);
	print_descriptors();
	target_hold();
	return 0;
}
