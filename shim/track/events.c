/* SPDX-License-Identifier: MIT */
/*
 * The meaning of the host's calls.  A process records into its own session, which it gets at its
 * first socket.  A forked child without one leaves notes about sockets that it inherited in the
 * slots of the session it came from, where the parent's report finds them.
 */
#include "track/events.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>

#include "core/real.h"
#include "core/thread.h"
#include "track/forks.h"
#include "track/handed.h"
#include "track/identity.h"
#include "track/inherited.h"
#include "track/mark.h"
#include "track/session.h"
#include "track/sites.h"
#include "track/slots.h"

#include "core/poison.h"

static bool is_exiting;

void cw_events_enter_exit(void)
{
	is_exiting = true;
}

/* --- Creation ----------------------------------------------------------------------------------
 */

static void note_exhaustion(unsigned int fn)
{
	int error = errno;
	struct cw_map *map = cw_session_own();

	if ((error == EMFILE || error == ENFILE) && map) {
		uint64_t seq = cw_count(map->header->events) + 1;
		struct cw_event *event =
			cw_session_entry(map, CW_SECTION_EVENTS, (uint32_t)((seq - 1) % CW_EVENTS));

		cw_count(map->header->emfile);
		if (event)
			*event = (struct cw_event){.seq = seq,
						   .t = cw_now(),
						   .who = CW_WHO(cw_thread_id(), fn),
						   .stack = cw_stack_here(map),
						   .fd = -1,
						   .result = -error};
	}
	errno = error;
}

/* Fills in what all new sockets share and stores the slot. */
static void record_new(struct cw_map *map, unsigned int fn, struct cw_slot *slot)
{
	slot->created = cw_mark_here(map, fn);
	slot->fork_seq = (uint32_t)__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED);
	slot->from_fd = -1;
	cw_slots_put(slot);
	cw_count(map->header->created);
	cw_site_created(map, slot->created.stack);
}

/* May this call be recorded at all? */
static bool is_ready(void)
{
	if (!cw_may_record())
		return false;
	cw_forks_check();
	return true;
}

int cw_on_socket(unsigned int fn, int fd, int domain, int type)
{
	struct cw_slot slot = {.fd = fd, .role = CW_ROLE_SOCKET, .via = CW_VIA_SOCKET};
	int error = errno;
	struct cw_map *map;

	if (fd < 0) {
		if (is_ready())
			note_exhaustion(fn);
		return fd;
	}
	if ((domain != AF_INET && domain != AF_INET6) || (type & 0xf) != SOCK_STREAM || !is_ready())
		return fd;
	slot.cookie = cw_identity_cookie(fd);
	slot.family = (uint8_t)domain;
	slot.flags = type & SOCK_CLOEXEC ? CW_SLOT_CLOEXEC : 0;
	map = cw_session_ensure();
	if (map && slot.cookie)
		record_new(map, fn, &slot);
	errno = error;
	return fd;
}

int cw_on_socketpair(unsigned int fn, int ret, int type, const int fds[2])
{
	int error = errno;
	struct cw_map *map;

	if (ret < 0 || !is_ready())
		return ret;
	map = cw_session_ensure();
	for (int i = 0; map && i < 2; i++) {
		struct cw_slot slot = {.fd = fds[i],
				       .role = CW_ROLE_PAIR,
				       .via = CW_VIA_PAIR,
				       .family = AF_UNIX,
				       .flags = type & SOCK_CLOEXEC ? CW_SLOT_CLOEXEC : 0,
				       .cookie = cw_identity_cookie(fds[i])};

		if (slot.cookie)
			record_new(map, fn, &slot);
	}
	errno = error;
	return ret;
}

/* The peer's address as accept returned it, else as the kernel says; false: not a TCP socket. */
static bool learn_peer(struct cw_slot *slot, const struct sockaddr *addr, const socklen_t *len)
{
	if (addr && len && *len >= sizeof(sa_family_t) && addr->sa_family != AF_INET &&
	    addr->sa_family != AF_INET6)
		return false;
	if (addr && len && cw_identity_set_peer(slot, addr, *len))
		return true;
	/* A peer that has reset the connection already has no name any more: then the type decides.
	 */
	return cw_identity_ask_peer(slot) || cw_identity_is_tcp(slot->fd);
}

int cw_on_accept(unsigned int fn, int fd, int flags, const struct sockaddr *addr,
		 const socklen_t *len)
{
	struct cw_slot slot = {.fd = fd, .role = CW_ROLE_ACCEPTED, .via = CW_VIA_ACCEPT};
	int error = errno;
	struct cw_map *map;

	if (!is_ready())
		return fd;
	if (fd < 0) {
		note_exhaustion(fn);
		return fd;
	}
	if (!learn_peer(&slot, addr, len))
		return fd;
	cw_identity_ask_local(&slot);
	slot.cookie = cw_identity_cookie(fd);
	slot.flags = flags & SOCK_CLOEXEC ? CW_SLOT_CLOEXEC : 0;
	map = cw_session_ensure();
	if (map && slot.cookie)
		record_new(map, fn, &slot);
	errno = error;
	return fd;
}

static bool is_connecting(int ret)
{
	return ret == 0 || errno == EINPROGRESS || errno == EINTR;
}

/* A client's socket that was made out of sight: its connect() tells all that is needed. */
static void record_stranger(unsigned int fn, struct cw_slot *slot)
{
	struct cw_map *map;

	if (!cw_identity_is_tcp(slot->fd))
		return;
	slot->role = CW_ROLE_CONNECTED;
	slot->via = CW_VIA_CONNECT;
	slot->cookie = cw_identity_cookie(slot->fd);
	cw_identity_ask_local(slot);
	map = cw_session_ensure();
	if (map && slot->cookie)
		record_new(map, fn, slot);
}

/* The socket() that was recorded becomes a client, made by this connect(). */
static void record_client(unsigned int fn, struct cw_slot *client)
{
	struct cw_map *map = cw_session_own();
	struct cw_mark made = cw_mark_here(map, fn);
	struct cw_slot *found;
	uint32_t before;

	cw_identity_ask_local(client);
	found = cw_slots_begin(client->fd);
	if (!found)
		return;
	before = found->created.stack;
	found->created = made;
	found->role = CW_ROLE_CONNECTED;
	if (found->via == CW_VIA_SOCKET)
		found->via = CW_VIA_CONNECT;
	found->peer_port = client->peer_port;
	found->local_port = client->local_port;
	__builtin_memcpy(found->peer, client->peer, sizeof(client->peer));
	__builtin_memcpy(found->local, client->local, sizeof(client->local));
	cw_slots_commit(found);
	cw_site_uncreated(map, before);
	cw_site_created(map, made.stack);
}

int cw_on_connect(unsigned int fn, int ret, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct cw_slot client = {.fd = fd};
	int error = errno;
	struct cw_slot *found;

	if (!is_connecting(ret) || !cw_identity_set_peer(&client, addr, len) || !is_ready())
		return ret;
	found = cw_slots_find(fd);
	/* A connect() repeated to learn the outcome changes nothing. */
	if (!found && !cw_slots_is_tracked(fd))
		record_stranger(fn, &client);
	else if (found && found->role != CW_ROLE_CONNECTED)
		record_client(fn, &client);
	errno = error;
	return ret;
}

/* --- End-of-file and shutdown -------------------------------------------------------------------
 */

void cw_note_eof(unsigned int fn, int fd)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (!cw_slots_is_tracked(fd) || !is_ready())
		return;
	found = cw_slots_find(fd);
	/* A loop that reads end-of-file over and over is told once. */
	if (found && found->eof.t)
		return;
	cw_inherited_note(fn, fd, true);
	if (!found)
		return;
	made = cw_mark_here(cw_session_own(), fn);
	found = cw_slots_begin(fd);
	if (!found)
		return;
	found->eof = made;
	cw_slots_commit(found);
}

void cw_note_use(unsigned int fn, int fd, bool is_write)
{
	struct cw_slot *found = cw_slots_find(fd);
	struct cw_mark made;

	if (!found)
		return;
	if (!is_write || !found->eof.t) {
		/* One aligned store; a reader that meets it half-way reads the one before or this
		 * one. */
		__atomic_store_n(&found->last.who, CW_WHO(cw_thread.tid, fn), __ATOMIC_RELAXED);
		return;
	}
	if (!is_ready())
		return;
	made = cw_mark_here(cw_session_own(), fn);
	found = cw_slots_begin(fd);
	if (!found)
		return;
	found->last = made;
	cw_slots_commit(found);
}

void cw_note_io_error(unsigned int fn, int fd)
{
	int error = errno;
	struct cw_slot *found;

	if ((error != ECONNRESET && error != ETIMEDOUT && error != EPIPE) ||
	    !cw_slots_is_tracked(fd) || !is_ready())
		return;
	found = cw_slots_begin(fd);
	if (found) {
		found->flags |= CW_SLOT_RESET;
		cw_slots_commit(found);
	}
}

int cw_on_shutdown(unsigned int fn, int ret, int fd, int how)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (ret < 0 || !cw_slots_is_tracked(fd) || !is_ready())
		return ret;
	if (how != SHUT_RD)
		cw_inherited_note(fn, fd, false);
	if (!cw_slots_find(fd))
		return ret;
	made = cw_mark_here(cw_session_own(), fn);
	found = cw_slots_begin(fd);
	if (!found)
		return ret;
	found->shutdown = made;
	if (how != SHUT_WR)
		found->flags |= CW_SLOT_SHUT_RD;
	if (how != SHUT_RD)
		found->flags |= CW_SLOT_SHUT_WR;
	cw_slots_commit(found);
	return ret;
}

/* --- Close and duplication ----------------------------------------------------------------------
 */

/* Is another descriptor of this process the same socket?  Only asked of sockets that were
 * duplicated. */
static bool has_duplicate(const struct cw_slot *slot)
{
	uint32_t end = cw_slots_end();

	for (uint32_t fd = 0; fd < end; fd++) {
		struct cw_slot *other =
			cw_slots_is_tracked((int)fd) ? cw_slots_find((int)fd) : NULL;

		if (other && other != slot && other->cookie == slot->cookie)
			return true;
	}
	return false;
}

static void count_close(struct cw_map *map, const struct cw_slot *slot)
{
	if (slot->via == CW_VIA_FORK)
		return;
	if ((slot->via == CW_VIA_DUP || slot->flags & CW_SLOT_WAS_DUPED) && has_duplicate(slot))
		return;
	cw_count(map->header->closed);
	cw_site_closed(map, slot->created.stack, cw_now() - slot->created.t);
}

/* At exit the slot stays, so that the report can say what the teardown closed. */
static void mark_closed_at_exit(struct cw_map *map, unsigned int fn, int fd)
{
	struct cw_mark made = cw_mark_here(map, fn);
	struct cw_slot *slot = cw_slots_begin(fd);

	if (!slot)
		return;
	slot->closed = made;
	slot->flags |= CW_SLOT_CLOSED_AT_EXIT;
	cw_slots_commit(slot);
}

static void forget(struct cw_map *map, unsigned int fn, int fd, struct cw_slot *slot)
{
	bool has_siblings = slot->flags & CW_SLOT_WAS_DUPED || slot->via == CW_VIA_DUP;

	/* Who may look for this record later: children forked since, and the report on a duplicate.
	 */
	if (__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED) > slot->fork_seq ||
	    has_siblings) {
		struct cw_slot copy = *slot;

		copy.closed = cw_mark_here(map, fn);
		cw_handed_store(map, &copy);
	}
	count_close(map, slot);
	cw_slots_drop(fd);
}

static void on_gone(unsigned int fn, int fd)
{
	struct cw_map *map = cw_session_own();
	struct cw_slot *slot = cw_slots_find(fd);

	cw_inherited_note(fn, fd, false);
	if (!slot)
		cw_slots_drop(fd);
	else if (is_exiting && slot->probe.flags & CW_PROBE_FIN_SEEN)
		mark_closed_at_exit(map, fn, fd);
	else
		forget(map, fn, fd, slot);
}

void cw_before_close(unsigned int fn, int fd)
{
	if (cw_slots_is_tracked(fd) && is_ready())
		on_gone(fn, fd);
}

void cw_before_close_range(unsigned int fn, unsigned int first, unsigned int last, int flags)
{
	uint32_t end = cw_slots_end();

	if (flags & (int)CLOSE_RANGE_CLOEXEC)
		return;
	for (uint32_t fd = first; fd < end && fd <= last; fd++)
		cw_before_close(fn, (int)fd);
}

void cw_on_fdopen(unsigned int fn, int fd)
{
	struct cw_slot *found;
	struct cw_mark made;

	if (!cw_slots_is_tracked(fd) || !is_ready() || !cw_slots_find(fd))
		return;
	made = cw_mark_here(cw_session_own(), fn);
	found = cw_slots_begin(fd);
	if (!found)
		return;
	found->via_mark = made;
	cw_slots_commit(found);
}

static void record_duplicate(unsigned int fn, int to, struct cw_slot *origin, bool is_cloexec)
{
	struct cw_map *map = cw_session_own();
	struct cw_slot copy = *origin, *locked;

	locked = cw_slots_begin(origin->fd);
	if (locked) {
		locked->flags |= CW_SLOT_WAS_DUPED;
		cw_slots_commit(locked);
	}
	copy.via = CW_VIA_DUP;
	copy.via_mark = cw_mark_here(map, fn);
	copy.fork_seq = (uint32_t)__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED);
	copy.from_fd = origin->fd;
	copy.fd = to;
	copy.flags =
		(uint8_t)((copy.flags & ~CW_SLOT_CLOEXEC) | (is_cloexec ? CW_SLOT_CLOEXEC : 0));
	cw_slots_put(&copy);
}

int cw_on_dup(unsigned int fn, int to, int from, bool is_cloexec)
{
	struct cw_slot *origin;

	if (to < 0 || to == from || (!cw_slots_is_tracked(to) && !cw_slots_is_tracked(from)) ||
	    !is_ready())
		return to;
	if (cw_slots_is_tracked(to))
		on_gone(fn, to);
	if (!cw_slots_is_tracked(from))
		return to;
	origin = cw_slots_find(from);
	if (origin)
		record_duplicate(fn, to, origin, is_cloexec);
	else
		cw_slots_track_number(to);
	return to;
}

/* --- Descriptors that travel ---------------------------------------------------------------------
 */

void cw_on_right_sent(unsigned int fn, int fd)
{
	int error = errno;
	struct cw_slot *found;
	struct cw_mark made;

	if (!cw_slots_is_tracked(fd) || !is_ready() || !cw_slots_find(fd))
		return;
	made = cw_mark_here(cw_session_own(), fn);
	found = cw_slots_begin(fd);
	if (found) {
		found->passed = made;
		cw_slots_commit(found);
	}
	errno = error;
}

void cw_on_right_received(unsigned int fn, int fd)
{
	struct cw_slot slot = {
		.fd = fd, .role = CW_ROLE_RECEIVED, .via = CW_VIA_PASSED, .from_fd = -1};
	int error = errno;
	struct cw_map *map;

	if (!is_ready() || !cw_identity_is_tcp(fd))
		return;
	cw_identity_ask_peer(&slot);
	cw_identity_ask_local(&slot);
	slot.cookie = cw_identity_cookie(fd);
	map = cw_session_ensure();
	if (map && slot.cookie) {
		slot.via_mark = cw_mark_here(map, fn);
		slot.fork_seq = (uint32_t)__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED);
		cw_slots_put(&slot);
	}
	errno = error;
}
