/* SPDX-License-Identifier: MIT */
/*
 * Sockets come into being, are connected and shut down.
 */
#include <sys/socket.h>

#include "core/export.h"
#include "core/real.h"
#include "track/events.h"

#include "core/poison.h"

CW_EXPORT int socket(int domain, int type, int protocol)
{
	return cw_on_socket(CW_FN_socket, cw_real.socket(domain, type, protocol), domain, type);
}

CW_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
	return cw_on_socketpair(CW_FN_socketpair, cw_real.socketpair(domain, type, protocol, fds),
				type, fds);
}

CW_EXPORT int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct cw_accepting call;

	cw_accepting_begin(&call, fd, addr, len);
	return cw_on_accept(CW_FN_accept, cw_real.accept(fd, call.addr, call.len), fd, 0, &call);
}

CW_EXPORT int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct cw_accepting call;

	cw_accepting_begin(&call, fd, addr, len);
	return cw_on_accept(CW_FN_accept4, cw_real.accept4(fd, call.addr, call.len, flags), fd,
			    flags, &call);
}

CW_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return cw_on_connect(CW_FN_connect, cw_real.connect(fd, addr, len), fd, addr, len);
}

CW_EXPORT int __connect(int fd, const struct sockaddr *addr, socklen_t len);

CW_EXPORT int __connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return cw_on_connect(CW_FN___connect, cw_real.__connect(fd, addr, len), fd, addr, len);
}

CW_EXPORT int shutdown(int fd, int how)
{
	return cw_on_shutdown(CW_FN_shutdown, cw_real.shutdown(fd, how), fd, how);
}
