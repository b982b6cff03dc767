/* SPDX-License-Identifier: MIT */
/*
 * Confirms that a descriptor of a living process still is the socket that was recorded.
 *
 * As long as the kernel lists the socket, its inode decides, which /proc/PID/fd shows too.  A
 * socket that was reset or fully closed by shutdown is listed no more; then the descriptor is
 * copied with pidfd_getfd(2), asked for its SO_COOKIE, and closed at once.  That takes the right
 * to ptrace; without it, what the shim itself asked last must do.
 */
#include "kernel/observer.h"

#include "kernel/proc.h"
#include "util/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* The kernel's structure grows from version to version. */
enum { TCP_INFO_ROOM = 1024 };

static void take_info(struct cwr_socket *socket, int fd)
{
	char data[TCP_INFO_ROOM] __attribute__((aligned(8)));
	socklen_t size = sizeof(data);
	struct cwr_tcp_info info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, data, &size) < 0)
		return;
	info = cwr_tcp_info_read(data, size);
	socket->state = info.state;
	socket->fin_age_s = info.last_ack_s;
	socket->has_tcp_bytes = info.has_bytes;
	socket->bytes_received = info.bytes_received;
	socket->bytes_sent = info.bytes_sent;
}

enum answer { IS_SAME, IS_OTHER, IS_SECRET };

/* Asks the descriptor itself. */
static enum answer ask_copy(struct cwr_socket *socket, const struct cwr_holder *holder)
{
	CWR_AUTO_CLOSE int process = (int)syscall(SYS_pidfd_open, holder->process->pid, 0);
	CWR_AUTO_CLOSE int fd =
		process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, holder->fd, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0)
		return errno == EBADF ? IS_OTHER : IS_SECRET;
	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 || cookie != socket->cookie)
		return IS_OTHER;
	if (socket->role != CWR_ROLE_PAIR)
		take_info(socket, fd);
	return IS_SAME;
}

static enum answer ask(struct cwr_observer *observer, struct cwr_socket *socket,
		       const struct cwr_holder *holder)
{
	const struct cwr_diag_row *row = cwr_diag_by_cookie(observer->diag, socket->cookie);
	enum answer answer;
	uint64_t inode;

	if (!cwr_proc_socket_inode(holder->process->pid, holder->fd, &inode))
		return IS_SECRET;
	if (!inode)
		return IS_OTHER;
	if (row)
		return row->inode == inode ? IS_SAME : IS_OTHER;
	answer = ask_copy(socket, holder);
	if (answer == IS_SAME)
		socket->inode = inode;
	return answer;
}

static void confirm(struct cwr_holder *holder)
{
	int cloexec = cwr_proc_cloexec(holder->process->pid, holder->fd);

	holder->is_open = holder->is_confirmed = true;
	if (cloexec >= 0)
		holder->cloexec = cloexec;
}

/*
 * Nothing can be asked: the shim's last word counts, if there is one.  A socket that is missing in
 * the list because it is younger is no loss.
 */
static void believe_shim(const struct cwr_observer *observer, const struct cwr_socket *socket,
			 struct cwr_holder *holder)
{
	holder->is_confirmed = holder->probe.t && holder->probe.is_confirmed;
	if (socket->created.t <= observer->t_listed)
		cwr_model_add_limit(observer->model, holder->process,
				    "its descriptors could not be looked at: no permission");
}

static void check(struct cwr_observer *observer, struct cwr_socket *socket,
		  struct cwr_holder *holder)
{
	struct cwr_proc_stat stat;

	switch (ask(observer, socket, holder)) {
	case IS_SAME:
		confirm(holder);
		break;
	case IS_OTHER:
		/* A process that went away just now has not closed anything by itself. */
		if (!cwr_proc_stat(holder->process->pid, &stat))
			holder->process->is_alive = false;
		else if (!holder->closed_at_exit)
			holder->is_open = false;
		break;
	case IS_SECRET:
		believe_shim(observer, socket, holder);
		break;
	}
}

void cwr_observe_holders(struct cwr_observer *observer)
{
	for (struct cwr_socket *s = observer->model->sockets; s; s = s->next) {
		const struct cwr_diag_row *row = cwr_diag_by_cookie(observer->diag, s->cookie);

		if (row)
			s->inode = row->inode;
		for (struct cwr_holder *h = s->holders; h; h = h->next)
			if (h->process->is_alive && (h->is_open || !h->process->session_path))
				check(observer, s, h);
	}
}
