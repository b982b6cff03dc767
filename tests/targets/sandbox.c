/* SPDX-License-Identifier: MIT */
/*
 * A server that locks itself in: after that, any system call that it does not make itself kills it.
 *
 *     sandbox prctl      locks itself in by prctl()
 *     sandbox syscall    by syscall(SYS_seccomp)
 *     sandbox forbidden  by prctl(), then makes a call that the filter forbids
 *     sandbox launch     forbids what only the shim would call, and executes itself to serve
 *     sandbox runtime    puts itself under a filter as a container's is, and executes itself
 *     sandbox container  does the same, but serves in a child
 *     sandbox under COMMAND...  executes that under such a filter
 *
 * It serves one client before and one after, and ends with status 7; "launch" once its standard
 * input ends.
 */
#include "target.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#define NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ON(number, what) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW(number) ON(number, SECCOMP_RET_ALLOW)
#define KILL(number)  ON(number, SECCOMP_RET_KILL_PROCESS)

static struct sockaddr_in address;
static int listener;

/* Only calls that the filter knows. */
static void serve(void)
{
	int client = socket(AF_INET, SOCK_STREAM, 0), served;
	char byte;

	if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof(address)) != 0)
		_exit(98);
	served = accept(listener, NULL, NULL);
	close(client);
	if (served < 0 || read(served, &byte, 1) != 0)
		_exit(97);
	close(served);
	if (write(STDOUT_FILENO, "SERVED\n", 7) != 7)
		_exit(96);
}

static void lock_in(const char *way)
{
	static struct sock_filter lines[] = {
		NUMBER,
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_close),
		ALLOW(SYS_accept),
		ALLOW(SYS_socket),
		ALLOW(SYS_connect),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_rt_sigreturn),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(lines) / sizeof(lines[0]), lines};

	TARGET_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (strcmp(way, "syscall") != 0)
		TARGET_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	else
		TARGET_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

static void filter(const struct sock_fprog *program)
{
	TARGET_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	TARGET_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program) == 0);
}

static void work(char *self)
{
	execl(self, self, "work", (char *)NULL);
	target_die("exec");
}

/* What the loader and libc need at a start stays allowed. */
static void launch(char *self)
{
	static struct sock_filter lines[] = {
		NUMBER,
		KILL(SYS_getsockopt),
		KILL(SYS_getpeername),
		KILL(SYS_madvise),
		KILL(SYS_mkdirat),
		KILL(SYS_ftruncate),
		KILL(SYS_rt_sigaction),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(lines) / sizeof(lines[0]), lines};

	filter(&program);
	work(self);
}

/* Refuses a little, as that of a container runtime; kills nobody. */
static void contain(void)
{
	static struct sock_filter lines[] = {
		NUMBER,
		ON(SYS_reboot, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(lines) / sizeof(lines[0]), lines};

	filter(&program);
}

static void work_in_child(char *self)
{
	int status;

	if (fork() == 0)
		work(self);
	TARGET_CHECK(wait(&status) > 0);
	exit(WEXITSTATUS(status));
}

/* Those that execute something else; the others come back. */
static void start(char **argv)
{
	if (strcmp(argv[1], "launch") == 0)
		launch(argv[0]);
	if (strcmp(argv[1], "runtime") && strcmp(argv[1], "container") && strcmp(argv[1], "under"))
		return;
	contain();
	if (strcmp(argv[1], "container") == 0)
		work_in_child(argv[0]);
	if (strcmp(argv[1], "runtime") == 0)
		work(argv[0]);
	execvp(argv[2], argv + 2);
	target_die("exec");
}

int main(int argc, char **argv)
{
	target_begin();
	TARGET_CHECK(argc >= 2);
	start(argv);
	listener = target_listen(0);
	address = target_address(target_port(listener));
	serve();
	if (strcmp(argv[1], "work") != 0)
		lock_in(argv[1]);
	if (strcmp(argv[1], "forbidden") == 0)
		getppid();
	serve();
	if (strcmp(argv[1], "work") == 0)
		target_hold();
	return 7;
}
