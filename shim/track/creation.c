/* SPDX-License-Identifier: MIT */
/*
 * The meaning of calls that make sockets: socket, socketpair, accept, connect, and descriptors that
 * arrive from other processes.  A process gets its session here, at its first socket.
 */
#include "track/events.h"

#include <errno.h>

#include "core/error.h"
#include "core/thread.h"
#include "track/forks.h"
#include "track/identity.h"
#include "track/mark.h"
#include "track/ring.h"
#include "track/session.h"
#include "track/sites.h"
#include "track/slots.h"
#include "track/threshold.h"

#include "core/poison.h"

/* listener: of an accept that failed, else -1. */
static void note_exhaustion(unsigned int fn, int listener)
{
	int error = errno;
	struct cw_map *map = cw_session_own();

	if ((error == EMFILE || error == ENFILE) && map) {
		struct cw_slot *slot = cw_slots_find(listener);

		cw_count(map->header->emfile);
		cw_ring_add(map, fn, slot ? slot->cookie : 0, listener, -error);
		cw_threshold_exhausted();
	}
	cw_error_restore(error);
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

int cw_on_socket(unsigned int fn, int fd, int domain, int type)
{
	struct cw_slot slot = {.fd = fd, .role = CW_ROLE_SOCKET, .via = CW_VIA_SOCKET};
	int error = errno;
	struct cw_map *map;

	if (fd < 0) {
		if (cw_forks_may_record())
			note_exhaustion(fn, -1);
		return fd;
	}
	if ((domain != AF_INET && domain != AF_INET6) || (type & 0xf) != SOCK_STREAM ||
	    !cw_forks_may_record())
		return fd;
	slot.cookie = cw_identity_name(fd);
	slot.family = (uint8_t)domain;
	slot.flags = type & SOCK_CLOEXEC ? CW_SLOT_CLOEXEC : 0;
	map = cw_session_ensure();
	if (map && slot.cookie)
		record_new(map, fn, &slot);
	cw_error_restore(error);
	return fd;
}

int cw_on_socketpair(unsigned int fn, int ret, int type, const int fds[2])
{
	int error = errno;
	struct cw_map *map;

	if (ret < 0 || !cw_forks_may_record())
		return ret;
	map = cw_session_ensure();
	for (int i = 0; map && i < 2; i++) {
		struct cw_slot slot = {.fd = fds[i],
				       .role = CW_ROLE_PAIR,
				       .via = CW_VIA_PAIR,
				       .family = AF_UNIX,
				       .flags = type & SOCK_CLOEXEC ? CW_SLOT_CLOEXEC : 0,
				       .cookie = cw_identity_name(fds[i])};

		if (slot.cookie)
			record_new(map, fn, &slot);
	}
	cw_error_restore(error);
	return ret;
}

/*
 * A listener's last use is its latest accept.  Threads that accept at once may mix their marks;
 * each half is true.
 */
static void note_accept(int listener, const struct cw_mark *made)
{
	struct cw_slot *slot = cw_slots_find(listener);

	if (!slot)
		return;
	slot->last = *made;
}

int cw_on_accept(unsigned int fn, int fd, int listener, int flags, const struct cw_accepting *call)
{
	int error = errno;
	struct cw_slot slot;
	struct cw_map *map;

	if (!cw_forks_may_record())
		return fd;
	if (fd < 0) {
		note_exhaustion(fn, listener);
		return fd;
	}
	cw_slots_clear(&slot);
	slot.fd = fd;
	slot.role = CW_ROLE_ACCEPTED;
	slot.via = CW_VIA_ACCEPT;
	if (!cw_accepting_fill(&slot, listener, call))
		return fd;
	slot.cookie = cw_identity_name(fd);
	slot.flags = flags & SOCK_CLOEXEC ? CW_SLOT_CLOEXEC : 0;
	map = cw_session_ensure();
	if (map && slot.cookie) {
		record_new(map, fn, &slot);
		note_accept(listener, &slot.created);
	}
	cw_error_restore(error);
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

	if (!is_connecting(ret) || !cw_identity_set_peer(&client, addr, len) ||
	    !cw_forks_may_record())
		return ret;
	found = cw_slots_find(fd);
	/* A connect() repeated to learn the outcome changes nothing. */
	if (!found && !cw_slots_is_tracked(fd))
		record_stranger(fn, &client);
	else if (found && found->role != CW_ROLE_CONNECTED)
		record_client(fn, &client);
	cw_error_restore(error);
	return ret;
}

void cw_on_right_received(unsigned int fn, int fd)
{
	struct cw_slot slot = {
		.fd = fd, .role = CW_ROLE_RECEIVED, .via = CW_VIA_PASSED, .from_fd = -1};
	int error = errno;
	struct cw_map *map;

	if (!cw_forks_may_record() || !cw_identity_is_tcp(fd))
		return;
	cw_identity_ask_peer(&slot);
	cw_identity_ask_local(&slot);
	slot.cookie = cw_identity_cookie(fd);
	map = cw_session_ensure();
	if (map && slot.cookie) {
		__atomic_fetch_or(&map->header->flags, CW_SESSION_RECEIVED, __ATOMIC_RELAXED);
		slot.via_mark = cw_mark_here(map, fn);
		slot.fork_seq = (uint32_t)__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED);
		cw_slots_put(&slot);
	}
	cw_error_restore(error);
}
