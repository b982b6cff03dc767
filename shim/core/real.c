/* SPDX-License-Identifier: MIT */
/*
 * Finds the real functions.  A call that arrives before the constructor ran (from the constructor
 * of another library) is answered by a system call where one does the whole job, else by looking
 * that one function up, which is allowed there.
 */
#include "core/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>

#include "core/raw.h"

#include "core/poison.h"

static long set_errno(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

#define EARLY(nr, ...) set_errno(cw_raw(nr, __VA_ARGS__))

static int early_socket(int domain, int type, int protocol)
{
	return (int)EARLY(SYS_socket, domain, type, protocol);
}

static int early_socketpair(int domain, int type, int protocol, int fds[2])
{
	return (int)EARLY(SYS_socketpair, domain, type, protocol, fds);
}

static int early_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return (int)EARLY(SYS_accept4, fd, addr, len, flags);
}

static int early_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return early_accept4(fd, addr, len, 0);
}

static int early_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return (int)EARLY(SYS_connect, fd, addr, len);
}

static int early_shutdown(int fd, int how)
{
	return (int)EARLY(SYS_shutdown, fd, how);
}

static int early_close(int fd)
{
	return (int)EARLY(SYS_close, fd);
}

static int early_dup(int fd)
{
	return (int)EARLY(SYS_dup, fd);
}

static int early_dup3(int from, int to, int flags)
{
	return (int)EARLY(SYS_dup3, from, to, flags);
}

static int early_dup2(int from, int to)
{
	/* dup3 refuses what dup2 allows: the same number twice, dup(2). */
	if (from == to)
		return EARLY(SYS_fcntl, from, F_GETFD) < 0 ? -1 : to;
	return early_dup3(from, to, 0);
}

static int early_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)EARLY(SYS_fcntl, fd, cmd, arg);
}

static ssize_t early_read(int fd, void *buf, size_t size)
{
	return EARLY(SYS_read, fd, buf, size);
}

static ssize_t early_write(int fd, const void *buf, size_t size)
{
	return EARLY(SYS_write, fd, buf, size);
}

static ssize_t early_readv(int fd, const struct iovec *iov, int count)
{
	return EARLY(SYS_readv, fd, iov, count);
}

static ssize_t early_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *addr,
			      socklen_t *len)
{
	return EARLY(SYS_recvfrom, fd, buf, size, flags, addr, len);
}

static ssize_t early_recv(int fd, void *buf, size_t size, int flags)
{
	return early_recvfrom(fd, buf, size, flags, NULL, NULL);
}

static ssize_t early_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return EARLY(SYS_recvmsg, fd, msg, flags);
}

static ssize_t early_writev(int fd, const struct iovec *iov, int count)
{
	return EARLY(SYS_writev, fd, iov, count);
}

static ssize_t early_sendto(int fd, const void *buf, size_t size, int flags,
			    const struct sockaddr *addr, socklen_t len)
{
	return EARLY(SYS_sendto, fd, buf, size, flags, addr, len);
}

static ssize_t early_send(int fd, const void *buf, size_t size, int flags)
{
	return early_sendto(fd, buf, size, flags, NULL, 0);
}

static ssize_t early_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return EARLY(SYS_sendmsg, fd, msg, flags);
}

static int early_pipe2(int fds[2], int flags)
{
	return (int)EARLY(SYS_pipe2, fds, flags);
}

static long early_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return set_errno(cw_raw6(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

struct cw_real cw_real = {
	.socket = early_socket,
	.socketpair = early_socketpair,
	.accept = early_accept,
	.accept4 = early_accept4,
	.connect = early_connect,
	.shutdown = early_shutdown,
	.close = early_close,
	.__close = early_close,
	.dup = early_dup,
	.dup2 = early_dup2,
	.__dup2 = early_dup2,
	.dup3 = early_dup3,
	.fcntl = early_fcntl,
	.__fcntl = early_fcntl,
	.fcntl64 = early_fcntl,
	.read = early_read,
	.__read = early_read,
	.readv = early_readv,
	.recv = early_recv,
	.recvfrom = early_recvfrom,
	.recvmsg = early_recvmsg,
	.pipe2 = early_pipe2,
	.write = early_write,
	.__write = early_write,
	.writev = early_writev,
	.send = early_send,
	.__send = early_send,
	.sendto = early_sendto,
	.sendmsg = early_sendmsg,
	.syscall = early_syscall,
};

static const char *const names[CW_FN_count] = {
	"",
#define CW_FN(name, ret, params) #name,
#include "core/functions.h"
#undef CW_FN
};

const char *cw_fn_name(unsigned int fn)
{
	return fn < CW_FN_count ? names[fn] : "";
}

void *cw_real_find(unsigned int fn)
{
	return dlsym(RTLD_NEXT, names[fn]);
}

void cw_real_init(void)
{
	void *found;

#define CW_FN(name, ret, params)            \
	found = cw_real_find(CW_FN_##name); \
	if (found)                          \
		cw_real.name = (ret(*) params)found;
#include "core/functions.h"
#undef CW_FN
}
