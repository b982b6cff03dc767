/* SPDX-License-Identifier: MIT */
/*
 * Confirms that a descriptor of a living process still is the socket that was recorded.
 *
 * As long as the kernel lists the socket, its inode decides, which the census of descriptors has
 * too.  A socket that was reset or fully closed by shutdown is listed no more; then the descriptor
 * itself is asked for its SO_COOKIE.  Where that is not permitted, what the shim itself asked last
 * must do.
 */
#include "kernel/observer.h"

#include "kernel/proc.h"
#include "util/cleanup.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The kernel's structure grows from version to version. */
enum { TCP_INFO_ROOM = 1024 };

/* Of that many sockets of a process, and up to twice as many, it is asked whether they are
 * close-on-exec. */
enum { CLOEXEC_ASKED = 1000 };

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
	socket->idle_s = info.idle_s;
}

/* Asks the descriptor itself. */
static enum cwr_answer ask_copy(struct cwr_observer *observer, struct cwr_socket *socket,
				const struct cwr_holder *holder)
{
	CWR_AUTO_CLOSE int copy = -1;
	enum cwr_answer answer = cwr_census_ask(observer->census, holder->process->pid, holder->fd,
						socket->cookie, &copy);

	if (answer == CWR_IS_SAME && socket->role != CWR_ROLE_PAIR)
		take_info(socket, copy);
	return answer;
}

static enum cwr_answer ask(struct cwr_observer *observer, struct cwr_socket *socket,
			   const struct cwr_diag_row *row, const struct cwr_holder *holder)
{
	const struct cwr_fds *fds = cwr_census_of(observer->census, holder->process->pid);
	uint64_t inode = cwr_fds_inode(fds, holder->fd);
	enum cwr_answer answer;

	if (fds->state == CWR_FDS_SECRET)
		return CWR_IS_SECRET;
	if (!inode)
		return CWR_IS_OTHER;
	if (row)
		return row->inode == inode ? CWR_IS_SAME : CWR_IS_OTHER;
	answer = ask_copy(observer, socket, holder);
	if (answer == CWR_IS_SAME)
		socket->inode = inode;
	return answer;
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
		  const struct cwr_diag_row *row, struct cwr_holder *holder)
{
	struct cwr_proc_stat stat;

	switch (ask(observer, socket, row, holder)) {
	case CWR_IS_SAME:
		holder->is_open = holder->is_confirmed = true;
		break;
	case CWR_IS_OTHER:
		/* A process that went away just now has not closed anything by itself. */
		if (!cwr_proc_stat(holder->process->pid, &stat))
			holder->process->is_alive = false;
		else if (!holder->closed_at_exit)
			holder->is_open = false;
		break;
	case CWR_IS_SECRET:
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
				check(observer, s, row, h);
	}
}

/* That takes several calls, so it is only asked where it matters, and if it will be told. */
static bool wants_cloexec(const struct cwr_holder *holder)
{
	return holder->is_open && holder->is_confirmed &&
	       (holder->cloexec < 0 || holder->socket->peer_has_closed);
}

static size_t count_known(const struct cwr_process *process)
{
	size_t count = 0;

	for (const struct cwr_holder *h = process->holders; h; h = h->next_in_process)
		count += wants_cloexec(h) && h->cloexec >= 0;
	return count;
}

/* Asks of each one that the shim does not know, and of each stride-th that it does.  Was it right?
 */
static bool read_cloexec(struct cwr_process *process, int fdinfo, size_t stride)
{
	size_t count = 0;
	bool is_right = true;

	for (struct cwr_holder *h = process->holders; h; h = h->next_in_process) {
		int cloexec = -1;

		if (wants_cloexec(h) && (h->cloexec < 0 || count++ % stride == 0))
			cloexec = cwr_proc_cloexec(fdinfo, h->fd);
		if (cloexec < 0)
			continue;
		is_right = is_right && (h->cloexec < 0 || h->cloexec == cloexec);
		h->cloexec = cloexec;
	}
	return is_right;
}

/*
 * An answer costs some ten microseconds, and the shim has seen what accept4() and fcntl() set,
 * though not what an ioctl(FIOCLEX) or a system call of the program's own did.  So of many sockets
 * some are asked, and all if one of them is not as it was recorded.
 */
static void observe_cloexec(struct cwr_process *process)
{
	CWR_AUTO_CLOSE int fdinfo = cwr_proc_open_fdinfo(process->pid);
	size_t stride = 1 + count_known(process) / CLOEXEC_ASKED;

	if (fdinfo >= 0 && !read_cloexec(process, fdinfo, stride) && stride > 1)
		read_cloexec(process, fdinfo, 1);
}

void cwr_observe_cloexec(struct cwr_observer *observer)
{
	const struct cwr_model *model = observer->model;

	for (struct cwr_process *p = model->processes; p && model->policy.wants_cloexec;
	     p = p->next)
		if (p->is_alive)
			observe_cloexec(p);
}
