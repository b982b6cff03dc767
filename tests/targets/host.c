/* SPDX-License-Identifier: MIT */
/*
 * A host that does what servers do to themselves, named by its first argument, and then forgets one
 * connection.  Whatever the situation, it ends by itself with status 7.
 */
#include "target.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { STATUS = 7 };

struct situation {
	const char *name;
	void (*before)(void);  /* before there is any socket; NULL: nothing */
	void (*between)(void); /* a listener is there; NULL: nothing */
	void (*hold)(void);    /* in place of target_hold(); NULL: that */
};

static int listener;

/* One client that comes, leaves and is forgotten, its end-of-file read. */
static void leak_one(void)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	char byte;

	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	TARGET_CHECK(fd >= 0);
	close(client);
	MARK_NEXT(eof);
	TARGET_CHECK(recv(fd, &byte, 1, 0) == 0);
}

static void become_nobody(void)
{
	TARGET_CHECK(setgid(65534) == 0 && setuid(65534) == 0);
}

/* As squid does it: root can be had again, and it may still be dumped. */
static void become_nobody_for_a_while(void)
{
	TARGET_CHECK(setresgid(65534, 65534, 0) == 0 && setresuid(65534, 65534, 0) == 0);
	TARGET_CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

static void limit_size(void)
{
	struct rlimit limit = {4096, 4096};

	TARGET_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return NULL;
}

static void block_signals(void)
{
	pthread_t thread;
	sigset_t all;

	sigfillset(&all);
	TARGET_CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	TARGET_CHECK(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
	TARGET_CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
}

/* Little more than a signal's frame needs (sysconf(3)), with nothing below. */
static void use_small_stack(void)
{
	size_t size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 512, room = (size + 4095) & ~(size_t)4095;
	char *at =
		mmap(NULL, 4096 + room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = at + 4096, .ss_size = size};

	TARGET_CHECK(at != MAP_FAILED && mprotect(at, 4096, PROT_NONE) == 0);
	TARGET_CHECK(sigaltstack(&stack, NULL) == 0);
}

/* How many actions are not the default, by sigaction(2). */
static void show_signals(void)
{
	struct sigaction action;
	int strange = 0;

	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &action) == 0)
			strange += action.sa_handler != SIG_DFL || action.sa_flags != 0;
	printf("STRANGE %d\n", strange);
}

static sigjmp_buf place;

static void jump_there(int number)
{
	siglongjmp(place, number);
}

/* Each millisecond a handler leaves whatever it came upon. */
static void hold_while_jumping(void)
{
	struct itimerval often = {{0, 1000}, {0, 1000}};
	char byte;

	puts("READY");
	if (sigsetjmp(place, 1) == 0) {
		TARGET_CHECK(signal(SIGALRM, jump_there) != SIG_ERR);
		TARGET_CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static const struct situation situations[] = {
	{"plain", NULL, NULL, NULL},
	{"nobody", become_nobody, NULL, NULL},
	{"worker", NULL, become_nobody, NULL},
	{"worker-for-a-while", NULL, become_nobody_for_a_while, NULL},
	{"small-files-later", NULL, limit_size, NULL},
	{"block-signals", block_signals, NULL, NULL},
	{"show-signals", NULL, show_signals, NULL},
	{"small-stack", use_small_stack, NULL, NULL},
	{"jumps", NULL, NULL, hold_while_jumping},
};

static const struct situation *find(const char *name)
{
	for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]); i++)
		if (!strcmp(situations[i].name, name))
			return &situations[i];
	target_die(name);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct situation *situation = find(argc > 1 ? argv[1] : "plain");

	target_begin();
	target_expect("eof-read-not-closed", "leak", 1);
	if (situation->before)
		situation->before();
	listener = target_listen(0);
	if (situation->between)
		situation->between();
	leak_one();
	(situation->hold ? situation->hold : target_hold)();
	return STATUS;
}
