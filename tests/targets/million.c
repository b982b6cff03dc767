/* SPDX-License-Identifier: MIT */
/*
 * A server whose descriptors are above a million, where the system would not permit it: a seccomp
 * filter, which no interposed function sees being set, hands some system calls to a SIGSYS handler
 * that adds BASE to what accept4() returns, takes it off again in calls on such descriptors, and
 * says that RLIMIT_NOFILE is 2^20.  /proc still shows the real numbers, so it wants to be killed:
 * then history alone speaks.
 */
#include "raw_call.h"
#include "target.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

enum { BASE = 1000000, LIMIT = 1 << 20 };

/* On descriptors, by the shim and by this program; of no more than five arguments. */
static const int calls[] = {SYS_read,	  SYS_write,	   SYS_close,
			    SYS_fcntl,	  SYS_shutdown,	   SYS_getsockname,
			    SYS_recvfrom, SYS_getpeername, SYS_getsockopt};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

#if defined(__x86_64__)
#define ARGUMENT(context, i) \
	((context)->uc_mcontext.gregs[(const int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8}[i]])
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ARGUMENT(context, i) ((context)->uc_mcontext.regs[i])
#define RESULT(context)	     ((context)->uc_mcontext.regs[0])
#endif

/* raw_call() with a fifth argument, for getsockopt(). */
static long call_five(long number, const ucontext_t *context)
{
	long fd = (long)ARGUMENT(context, 0) - BASE;

	if (number != SYS_getsockopt)
		return raw_call(number, fd, (long)ARGUMENT(context, 1), (long)ARGUMENT(context, 2),
				(long)ARGUMENT(context, 3));
	return getsockopt((int)fd, (int)ARGUMENT(context, 1), (int)ARGUMENT(context, 2),
			  (void *)ARGUMENT(context, 3), (socklen_t *)ARGUMENT(context, 4))
		       ? -errno
		       : 0;
}

static long answer(int number, const ucontext_t *context)
{
	struct rlimit *limit = (struct rlimit *)ARGUMENT(context, 3);
	long fd;

	if (number == SYS_accept4) {
		fd = raw_call(SYS_accept, (long)ARGUMENT(context, 0), 0, 0, 0);
		return fd < 0 ? fd : fd + BASE;
	}
	if (number != SYS_prlimit64)
		return call_five(number, context);
	if (limit)
		*limit = ARGUMENT(context, 1) == RLIMIT_NOFILE
				 ? (struct rlimit){LIMIT, LIMIT}
				 : (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	return 0;
}

static void on_call(int number, siginfo_t *info, void *context)
{
	const int error = errno;

	RESULT((ucontext_t *)context) = answer(info->si_syscall, context);
	errno = error;
}

static void add(struct sock_fprog *program, struct sock_filter line)
{
	program->filter[program->len++] = line;
}

static void trap(struct sock_fprog *program, unsigned int number)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
}

static void filter(void)
{
	static struct sock_filter lines[64];
	struct sock_fprog program = {0, lines};
	const unsigned int number = offsetof(struct seccomp_data, nr);
	const unsigned int first = offsetof(struct seccomp_data, args);

	add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number));
	trap(&program, SYS_accept4);
	trap(&program, SYS_prlimit64);
	for (unsigned int i = 0; i < CALLS; i++)
		add(&program,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)calls[i],
						 (unsigned char)(CALLS - i), 0));
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first));
	add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, BASE, 0, 1));
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	TARGET_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	TARGET_CHECK(raw_call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (long)&program, 0) ==
		     0);
}

static int listen_unseen(void)
{
	struct sockaddr_in address = target_address(0);
	int listener = (int)raw_call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0);

	TARGET_CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(listen(listener, 8) == 0);
	return listener;
}

static int take(int listener)
{
	int fd;

	MARK_NEXT(created);
	fd = accept4(listener, NULL, NULL, 0);
	TARGET_CHECK(fd >= BASE);
	return fd;
}

static void read_to_end(int fd)
{
	char byte;
	ssize_t size;

	do {
		MARK_NEXT(eof);
		size = recv(fd, &byte, 1, 0);
	} while (size > 0);
	TARGET_CHECK(size == 0);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
	int listener, fds[2];
	pid_t clients;

	target_begin();
	target_expect("eof-read-not-closed", "leak", 1);
	listener = listen_unseen();
	clients = target_start_clients(target_port(listener), 2, TARGET_DROP);
	target_end_clients(clients);
	TARGET_CHECK(sigaction(SIGSYS, &action, NULL) == 0);
	filter();
	for (int i = 0; i < 2; i++) {
		fds[i] = take(listener);
		read_to_end(fds[i]);
	}
	TARGET_CHECK(close(fds[0]) == 0);
	target_hold();
	return 0;
}
