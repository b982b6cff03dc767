/* SPDX-License-Identifier: MIT */
/*
 * Where libunwind is loaded, which is not before a stack wants it: not in a signal handler, not in
 * a forked child without sockets of its own, not beside other threads; and where nothing is against
 * it.  An argument names the place; afterwards the program says whether libunwind is mapped.
 */
#include "target.h"
#include "target_threads.h"
#include "untold.h"

static int open_and_close(int unused)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)unused;
	TARGET_CHECK(fd >= 0);
	close(fd);
	return 0;
}

static bool is_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	bool is_found = false;

	TARGET_CHECK(maps);
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "libunwind.so"))
			is_found = true;
	fclose(maps);
	return is_found;
}

static void handle(int number)
{
	(void)number;
	call_untold(open_and_close, 0);
}

static void in_handler(void)
{
	signal(SIGWINCH, handle);
	raise(SIGWINCH);
}

static void on_other_stack(void)
{
	static char memory[64 * 1024];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};

	TARGET_CHECK(sigaltstack(&stack, NULL) == 0);
	TARGET_CHECK(sigaction(SIGWINCH, &action, NULL) == 0);
	raise(SIGWINCH);
}

static int close_in_child(int fd)
{
	close(fd);
	return is_mapped();
}

/* The child has no sockets of its own. */
static void in_child(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), status;
	pid_t pid = fork();

	TARGET_CHECK(pid >= 0);
	if (pid == 0)
		_exit(call_untold(close_in_child, fd));
	TARGET_CHECK(waitpid(pid, &status, 0) == pid);
	TARGET_CHECK(WIFEXITED(status));
	printf("CHILD %s\n", WEXITSTATUS(status) ? "mapped" : "unmapped");
	close(fd);
}

static void wait_for_end(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

static void beside_a_thread(void)
{
	static struct target_thread thread;

	target_thread_start(&thread, wait_for_end, NULL);
	call_untold(open_and_close, 0);
}

static void in_main(void)
{
	call_untold(open_and_close, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} places[] = {
	{"handler", in_handler}, {"other-stack", on_other_stack},
	{"child", in_child},	 {"thread", beside_a_thread},
	{"main", in_main},
};

int main(int argc, char **argv)
{
	target_begin();
	open_and_close(0);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (argc > 1 && strcmp(argv[1], places[i].name) == 0)
			places[i].run();
	printf("UNWINDER %s\n", is_mapped() ? "mapped" : "unmapped");
	target_hold();
	return 0;
}
