/* SPDX-License-Identifier: MIT */
/*
 * Sockets that were recorded in a seccomp sandbox, where the shim cannot ask for a cookie: what is
 * open under the recorded number now says which socket it is.  If that has another peer than the
 * one recorded, or is no TCP socket at all, the close was not seen, and the record is of nothing
 * that is open.
 */
#include "kernel/observer.h"

#include "cwshim/session.h"
#include "util/cleanup.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Of an address that is not known nothing can be said. */
static bool may_be_same(const struct cwr_addr *recorded, const struct cwr_addr *seen)
{
	if (!recorded->family || !seen->family)
		return true;
	return recorded->port == seen->port && (recorded->family != seen->family ||
						!memcmp(recorded->ip, seen->ip, sizeof(seen->ip)));
}

static bool agrees(const struct cwr_socket *socket, const struct cwr_diag_row *row)
{
	return may_be_same(&socket->peer, &row->peer) &&
	       (socket->role == CWR_ROLE_SOCKET || row->state != CWR_TCP_LISTEN);
}

static bool is_tcp(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       (domain == AF_INET || domain == AF_INET6) &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == IPPROTO_TCP;
}

/* The kernel does not list what was reset, so a copy of the descriptor is asked; 0: unknown. */
static uint64_t ask_copy(const struct cwr_holder *holder)
{
	CWR_AUTO_CLOSE int process = (int)syscall(SYS_pidfd_open, holder->process->pid, 0);
	CWR_AUTO_CLOSE int fd =
		process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, holder->fd, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0 || !is_tcp(fd) || getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
		return 0;
	return cookie;
}

/* The cookie of what the holder has there; 0: it is not the socket that was recorded. */
static uint64_t cookie_of(const struct cwr_observer *observer, const struct cwr_holder *holder,
			  uint64_t inode)
{
	const struct cwr_diag_row *row = cwr_diag_by_inode(observer->diag, inode);

	if (row)
		return agrees(holder->socket, row) ? row->cookie : 0;
	return inode ? ask_copy(holder) : 0;
}

static void name(const struct cwr_observer *observer, struct cwr_socket *socket)
{
	for (struct cwr_holder *h = socket->holders; h; h = h->next) {
		const struct cwr_fds *fds;
		uint64_t cookie;

		if (!h->is_open || !h->process->is_alive)
			continue;
		fds = cwr_census_of(observer->census, h->process->pid);
		if (fds->state == CWR_FDS_SECRET)
			continue;
		cookie = cookie_of(observer, h, cwr_fds_inode(fds, h->fd));
		if (cookie) {
			cwr_model_name_socket(observer->model, socket, cookie);
			return;
		}
		h->is_open = false;
	}
}

void cwr_observe_unnamed(struct cwr_observer *observer)
{
	struct cwr_socket *next;

	for (struct cwr_socket *s = observer->model->sockets; s; s = next) {
		next = s->next;
		if (CW_COOKIE_IS_UNNAMED(s->cookie))
			name(observer, s);
	}
}
