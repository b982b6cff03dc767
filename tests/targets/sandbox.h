/* SPDX-License-Identifier: MIT */
/*
 * The filters of the sandbox targets, which kill the process for any call that it does not make
 * itself.
 */
#ifndef CWSHIM_SANDBOX_H
#define CWSHIM_SANDBOX_H

#include "target.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#define NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number)                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static inline void lock_in(const struct sock_filter *lines, size_t n)
{
	struct sock_fprog program = {(unsigned short)n, (struct sock_filter *)lines};

	TARGET_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	TARGET_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static inline void allow_serving(void)
{
	static const struct sock_filter lines[] = {
		NUMBER,
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_close),
		ALLOW(SYS_accept),
		ALLOW(SYS_socket),
		ALLOW(SYS_connect),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	lock_in(lines, sizeof(lines) / sizeof(lines[0]));
}

/* What the loader and libc call before main, and what is called here. */
static inline void allow_starting(void)
{
	static const struct sock_filter lines[] = {
		NUMBER,
		ALLOW(SYS_execve),
		ALLOW(SYS_brk),
		ALLOW(SYS_mmap),
		ALLOW(SYS_munmap),
		ALLOW(SYS_mprotect),
		ALLOW(SYS_access),
		ALLOW(SYS_openat),
		ALLOW(SYS_pread64),
		ALLOW(SYS_newfstatat),
		ALLOW(SYS_arch_prctl),
		ALLOW(SYS_set_tid_address),
		ALLOW(SYS_set_robust_list),
		ALLOW(SYS_rseq),
		ALLOW(SYS_prlimit64),
		ALLOW(SYS_getrandom),
		ALLOW(SYS_alarm),
		ALLOW(SYS_bind),
		ALLOW(SYS_listen),
		ALLOW(SYS_getsockname),
		ALLOW(SYS_clone),
		ALLOW(SYS_clone3),
		ALLOW(SYS_rt_sigaction),
		ALLOW(SYS_rt_sigprocmask),
		ALLOW(SYS_madvise),
		ALLOW(SYS_exit),
		ALLOW(SYS_futex),
		ALLOW(SYS_wait4),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_close),
		ALLOW(SYS_accept),
		ALLOW(SYS_socket),
		ALLOW(SYS_connect),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	lock_in(lines, sizeof(lines) / sizeof(lines[0]));
}

#endif
