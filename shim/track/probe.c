/* SPDX-License-Identifier: MIT */
/*
 * The kernel's testimony, taken inside the process: it alone can ask about a socket that was reset
 * and so vanished from the kernel's tables of connections.
 */
#include "track/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <stdbool.h>

#include "core/clock.h"
#include "core/descriptors.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "track/executed.h"
#include "track/identity.h"
#include "track/session.h"
#include "track/slots.h"

#include "core/poison.h"

enum { BATCH = 256 };

/* Names of include/net/tcp_states.h, which glibc has only in a header that clashes with
 * linux/tcp.h. */
enum {
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LAST_ACK = 9,
	STATE_LISTEN = 10,
	STATE_CLOSING = 11
};

static bool get_tcp_info(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	return cw_raw(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, info, &len) >= 0;
}

/* A socket that was connected and is in state CLOSE was reset, or both ends have closed. */
static bool has_peer_closed(const struct cw_slot *slot, unsigned int tcp_state)
{
	return tcp_state == STATE_CLOSE_WAIT || tcp_state == STATE_LAST_ACK ||
	       tcp_state == STATE_CLOSING ||
	       (tcp_state == STATE_CLOSE && (slot->peer_port || slot->role == CW_ROLE_ACCEPTED));
}

static struct cw_probe ask(const struct cw_slot *slot)
{
	struct cw_probe probe = {.flags = CW_PROBE_CONFIRMED};
	struct tcp_info info = {0};
	int unread = 0, unsent = 0;

	if (!get_tcp_info(slot->fd, &info))
		return probe;
	probe.tcp_state = info.tcpi_state;
	probe.fin_age_ms = info.tcpi_last_ack_recv;
	if (has_peer_closed(slot, info.tcpi_state))
		probe.flags |= CW_PROBE_FIN_SEEN;
	if (cw_raw(SYS_ioctl, slot->fd, SIOCINQ, &unread) >= 0 &&
	    cw_raw(SYS_ioctl, slot->fd, SIOCOUTQ, &unsent) >= 0) {
		probe.unread = (uint32_t)unread;
		probe.unsent = (uint32_t)unsent;
		probe.flags |= CW_PROBE_HAS_QUEUES;
	}
	if (cw_raw(SYS_fcntl, slot->fd, F_GETFD) & FD_CLOEXEC)
		probe.flags |= CW_PROBE_CLOEXEC;
	return probe;
}

/*
 * True if the peer of this (own) socket has closed, or if it is a listener: one was polled because
 * connections wait in its queue, and the kernel will reset them with it.
 */
static bool probe_slot(int fd)
{
	struct cw_slot *slot = cw_slots_find(fd);
	struct cw_map *map = cw_session_own();
	struct cw_probe probe;
	uint64_t cookie;
	bool is_same;

	if (!slot)
		return false;
	cookie = slot->cookie;
	if (cw_identity_cookie(fd) != cookie) {
		if (cw_slots_drop_if(fd, cookie))
			cw_count(map->header->drift);
		return false;
	}
	probe = ask(slot);
	slot = cw_slots_begin(fd);
	if (!slot)
		return false;
	is_same = slot->cookie == cookie;
	if (is_same)
		slot->probe = probe;
	cw_slots_commit(slot);
	return is_same && (probe.flags & CW_PROBE_FIN_SEEN || probe.tcp_state == STATE_LISTEN) &&
	       slot->via != CW_VIA_FORK && slot->via != CW_VIA_EXEC;
}

static uint32_t probe_batch(struct pollfd *fds, unsigned int n)
{
	struct timespec now = {0, 0};
	uint32_t found = 0;

	/* ppoll with a timeout of zero; every architecture has it. */
	if (!n || cw_raw(SYS_ppoll, fds, n, &now, NULL, 0) <= 0)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		if (fds[i].revents)
			found += probe_slot(fds[i].fd);
	return found;
}

/* A listener with a connection to be accepted is readable; data in other sockets is no matter. */
static short events_of(int fd)
{
	const struct cw_slot *slot = cw_slots_find(fd);

	return slot && slot->role == CW_ROLE_SOCKET ? POLLRDHUP | POLLIN : POLLRDHUP;
}

static uint32_t ask_tracked(void)
{
	struct pollfd fds[BATCH];
	unsigned int n = 0;
	uint32_t found = 0, end = cw_slots_end();

	for (uint32_t fd = 0; fd < end; fd++) {
		if (!cw_slots_is_tracked((int)fd))
			continue;
		fds[n++] = (struct pollfd){.fd = (int)fd, .events = events_of((int)fd)};
		if (n == BATCH) {
			found += probe_batch(fds, n);
			n = 0;
		}
	}
	return found + probe_batch(fds, n);
}

/* It takes in what came through exec. */
static bool make_session(void)
{
	bool has_waited = cw_executed_waiting;

	if (!cw_session_ensure())
		return false;
	if (has_waited)
		ask_tracked();
	return true;
}

/*
 * A descriptor that the table does not have: taken in if it is a socket whose peer has closed.
 * False also for one that came through exec: the end of this program is its close.
 */
static bool adopt_unknown(int fd)
{
	struct cw_slot slot = {.fd = fd, .from_fd = -1};
	struct tcp_info info = {0};

	if (!get_tcp_info(fd, &info) ||
	    (!cw_identity_ask_peer(&slot) && info.tcpi_state != STATE_CLOSE))
		return false;
	if (!has_peer_closed(&slot, info.tcpi_state) || !make_session())
		return false;
	cw_identity_ask_local(&slot);
	slot.cookie = cw_identity_cookie(fd);
	if (!slot.cookie)
		return false;
	if (cw_executed_has(slot.cookie)) {
		slot.role = CW_ROLE_INHERITED;
		slot.via = CW_VIA_EXEC;
	}
	slot.probe = ask(&slot);
	if (!cw_slots_find(fd))
		cw_slots_put(&slot);
	return slot.via != CW_VIA_EXEC;
}

static void visit_descriptor(void *context, int fd)
{
	uint32_t *found = context;

	if (!cw_slots_is_tracked(fd) || cw_executed_waiting)
		*found += adopt_unknown(fd);
}

uint32_t cw_probe_recorded(void)
{
	uint32_t found = ask_tracked();

	cw_session_own()->header->t_probe = cw_now();
	return found;
}

/* Reconciles with /proc/self/fd.  Without /proc nothing is added. */
uint32_t cw_probe_strangers(void)
{
	uint32_t found = 0;

	cw_descriptors_each(visit_descriptor, &found);
	if (cw_session_own())
		cw_session_own()->header->t_probe = cw_now();
	return found;
}

uint32_t cw_probe_all(bool with_strangers)
{
	uint32_t found = 0;

	if (cw_is_sandboxed)
		return 0;
	if (cw_session_own())
		found = cw_probe_recorded();
	if (with_strangers)
		found += cw_probe_strangers();
	return found;
}

bool cw_probe_is_long_gone(struct cw_slot *slot, uint64_t ns)
{
	struct tcp_info info = {0};

	if (cw_is_sandboxed || !get_tcp_info(slot->fd, &info) ||
	    info.tcpi_state != STATE_CLOSE_WAIT || info.tcpi_last_ack_recv < ns / 1000000)
		return false;
	slot->probe = (struct cw_probe){
		.flags = CW_PROBE_CONFIRMED | CW_PROBE_FIN_SEEN,
		.tcp_state = STATE_CLOSE_WAIT,
		.fin_age_ms = info.tcpi_last_ack_recv,
	};
	return true;
}
