/* SPDX-License-Identifier: MIT */
/*
 * syscall(2): the same calls by number.  node closes its descriptors so.
 *
 * A child of vfork must not return through a C function whose frame its parent still needs; so
 * where one is asked for by number, the child gets memory of its own (CLONE_VFORK without
 * CLONE_VM), and the parent still waits for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/export.h"
#include "core/real.h"
#include "core/sandbox.h"
#include "core/thread.h"
#include "core/libunwind.h"
#include "track/events.h"
#include "track/forks.h"
#include "track/message.h"

#include "core/poison.h"

static long pass(long nr, const long *a)
{
	return cw_real.syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void before(long nr, const long *a)
{
	switch (nr) {
	case SYS_close:
		cw_before_close(CW_FN_syscall, (int)a[0]);
		break;
	case SYS_close_range:
		cw_before_close_range(CW_FN_syscall, (unsigned int)a[0], (unsigned int)a[1],
				      (int)a[2]);
		break;
	case SYS_execve:
	case SYS_execveat:
		cw_before_exec(CW_FN_syscall);
		break;
	default:
		break;
	}
}

static long on_readv(long ret, const long *a)
{
	size_t room = ret == 0 ? cw_vector_room((const struct iovec *)a[1], (size_t)a[2]) : 0;

	return cw_on_read(CW_FN_syscall, ret, (int)a[0], room);
}

static long after(long nr, long ret, const long *a)
{
	switch (nr) {
	case SYS_socket:
		return cw_on_socket(CW_FN_syscall, (int)ret, (int)a[0], (int)a[1]);
	case SYS_connect:
		return cw_on_connect(CW_FN_syscall, (int)ret, (int)a[0],
				     (const struct sockaddr *)a[1], (socklen_t)a[2]);
	case SYS_shutdown:
		return cw_on_shutdown(CW_FN_syscall, (int)ret, (int)a[0], (int)a[1]);
	case SYS_dup:
#ifdef SYS_dup2
	case SYS_dup2:
#endif
		return cw_on_dup(CW_FN_syscall, (int)ret, (int)a[0], false);
	case SYS_dup3:
		return cw_on_dup(CW_FN_syscall, (int)ret, (int)a[0], a[2] & O_CLOEXEC);
	case SYS_fcntl:
		return cw_on_fcntl(CW_FN_syscall, (int)ret, (int)a[0], (int)a[1], (int)a[2]);
	case SYS_read:
	case SYS_recvfrom:
		return cw_on_read(CW_FN_syscall, ret, (int)a[0], (size_t)a[2]);
	case SYS_readv:
	case SYS_preadv2: /* with offset -1 these work on sockets too (readv(2)) */
		return on_readv(ret, a);
	case SYS_recvmsg:
		return cw_on_recvmsg(CW_FN_syscall, ret, (int)a[0], (const struct msghdr *)a[1]);
	case SYS_recvmmsg:
		return cw_on_recvmmsg(CW_FN_syscall, (int)ret, (int)a[0],
				      (const struct mmsghdr *)a[1]);
	case SYS_sendmsg:
		return cw_on_sendmsg(CW_FN_syscall, ret, (int)a[0], (const struct msghdr *)a[1]);
	case SYS_sendmmsg:
		return cw_on_sendmmsg(CW_FN_syscall, (int)ret, (int)a[0],
				      (const struct mmsghdr *)a[1]);
	case SYS_splice:
		cw_on_read(CW_FN_syscall, ret, (int)a[0], (size_t)a[4]);
		return cw_on_write(CW_FN_syscall, ret, (int)a[2], NULL);
	case SYS_sendfile:
		return cw_on_write(CW_FN_syscall, ret, (int)a[0], NULL);
	case SYS_socketpair:
		return cw_on_socketpair(CW_FN_syscall, (int)ret, (int)a[1], (const int *)a[3]);
	case SYS_pidfd_getfd:
		if (ret >= 0)
			cw_on_right_received(CW_FN_syscall, (int)ret);
		return ret;
	case SYS_epoll_ctl:
		return a[1] == EPOLL_CTL_DEL ? cw_on_unpolled(CW_FN_syscall, (int)ret, (int)a[2])
					     : ret;
	case SYS_write:
	case SYS_sendto:
		return cw_on_write(CW_FN_syscall, ret, (int)a[0], (const void *)a[1]);
	case SYS_writev:
	case SYS_pwritev2:
		return cw_on_writev(CW_FN_syscall, ret, (int)a[0], (const struct iovec *)a[1],
				    (size_t)a[2]);
	case SYS_execve:
	case SYS_execveat:
		return cw_on_exec_failed((int)ret);
	default:
		return ret;
	}
}

static bool is_process_maker(long nr, const long *a)
{
#ifdef SYS_fork
	if (nr == SYS_fork || nr == SYS_vfork)
		return true;
#endif
	/* With a stack of its own the child does not return here. */
	return nr == SYS_clone && !(a[0] & CLONE_THREAD) && !a[1];
}

static long make_process(long nr, long *a)
{
	struct cw_fork_ticket ticket;

	if (nr == SYS_clone) {
		a[0] &= ~(long)CLONE_VM;
#ifdef SYS_vfork
	} else if (nr == SYS_vfork) {
		nr = SYS_clone;
		a[0] = CLONE_VFORK | SIGCHLD;
		a[1] = a[2] = a[3] = a[4] = 0;
#endif
	}
	ticket = cw_before_fork(CW_FN_syscall);
	return cw_on_fork(&ticket, (pid_t)pass(nr, a));
}

static long maybe_lock_in(long nr, const long *a)
{
	bool is_entering = nr == SYS_seccomp
				   ? cw_sandbox_before_seccomp((unsigned int)a[0])
				   : cw_sandbox_before_prctl((int)a[0], (unsigned long)a[1]);
	long ret = pass(nr, a);

	if (is_entering && ret != 0)
		cw_sandbox_leave();
	return ret;
}

static long make_connection(long nr, long *a)
{
	struct cw_accepting call;
	long flags = nr == SYS_accept4 ? a[3] : 0;

	cw_accepting_begin(&call, (int)a[0], (struct sockaddr *)a[1], (socklen_t *)a[2]);
	a[1] = (long)call.addr;
	a[2] = (long)call.len;
	return cw_on_accept(CW_FN_syscall, (int)pass(nr, a), (int)a[0], (int)flags, &call);
}

CW_EXPORT long syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (cw_unlikely(nr == SYS_write && (int)a[0] == -1) &&
	    cw_libunwind_is_caller(__builtin_return_address(0)))
		return cw_libunwind_answer_write((const void *)a[1]);
	if (cw_unlikely(is_process_maker(nr, a)))
		return make_process(nr, a);
	if (nr == SYS_seccomp || nr == SYS_prctl)
		return maybe_lock_in(nr, a);
	if (nr == SYS_accept || nr == SYS_accept4)
		return make_connection(nr, a);
	before(nr, a);
	return after(nr, pass(nr, a), a);
}
