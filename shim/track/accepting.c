/* SPDX-License-Identifier: MIT */
/*
 * The two ends of an accepted connection, with as few system calls as can be: none, where the
 * listener is recorded and is not bound to the wildcard.
 */
#include "track/accepting.h"

#include <stddef.h>

#include "core/sandbox.h"
#include "core/thread.h"
#include "core/walk.h"
#include "track/identity.h"
#include "track/memory.h"
#include "track/session.h"
#include "track/slots.h"

#include "core/poison.h"

/*
 * Only TCP is known to have a name always (net/ipv4/af_inet.c, inet_getname() with peer 2); where
 * there is none, accept() would fail because of us.
 */
static bool is_always_named(const struct cw_slot *listener)
{
	return listener && listener->role == CW_ROLE_SOCKET &&
	       (listener->family == AF_INET || listener->family == AF_INET6);
}

/*
 * How much of the address the host has room for, which the kernel replaces by how much there is
 * (accept(2)).  Whether that can be read is known on the thread's own stack, where it mostly is; in
 * a sandbox the kernel must not be asked, and the room is taken to be enough.
 */
static socklen_t room_at(const socklen_t *len)
{
	uintptr_t at = (uintptr_t)len;

	if (at & 3)
		return 0;
	if (at >= cw_thread.stack_low && at < cw_thread.stack_high)
		return *len;
	if (cw_is_sandboxed)
		return sizeof(struct sockaddr_storage);
	return cw_walk_is_readable(len) ? *len : 0;
}

void cw_accepting_begin(struct cw_accepting *call, int listener, struct sockaddr *addr,
			socklen_t *len)
{
	call->addr = addr;
	call->len = len;
	call->room = addr && len ? room_at(len) : 0;
	if (addr || cw_is_sandboxed || !is_always_named(cw_slots_find(listener)))
		return;
	call->own_len = call->room = sizeof(call->own);
	call->addr = (struct sockaddr *)&call->own;
	call->len = &call->own_len;
}

/*
 * In a sandbox: a connection is what its listener is.  Where that is not recorded, the report asks
 * the kernel, as long as the process lives; a session in memory does not last longer either.
 */
static bool learn_kind(struct cw_slot *slot, int from)
{
	struct cw_slot *listener = cw_slots_find(from);

	if (listener)
		slot->family = listener->family;
	return listener ? slot->family != AF_UNIX : cw_memory_is_session(cw_session_ensure());
}

/* The peer's address as accept returned it, else as the kernel says; false: not a TCP socket. */
static bool learn_peer(struct cw_slot *slot, int from, const struct cw_accepting *call)
{
	const struct sockaddr *addr = call->addr;
	socklen_t len = 0;

	/* No more was written than there was room for. */
	if (call->room)
		len = *call->len < call->room ? *call->len : call->room;
	if (len >= sizeof(sa_family_t) && addr->sa_family != AF_INET && addr->sa_family != AF_INET6)
		return false;
	if (len && cw_identity_set_peer(slot, addr, len))
		return true;
	if (cw_is_sandboxed)
		return learn_kind(slot, from);
	/* A peer that has reset the connection already has no name any more: then the type decides.
	 */
	return cw_identity_ask_peer(slot) || cw_identity_is_tcp(slot->fd);
}

/*
 * Keeps the listener's address in its slot.  One of a transparent proxy takes connections to any
 * (IP_TRANSPARENT, ip(7)): its address is as good as the wildcard.
 */
static struct cw_slot *learn_listener(struct cw_slot *listener)
{
	struct cw_slot asked = {.fd = listener->fd};
	struct cw_slot *locked;

	if (!cw_identity_ask_local(&asked))
		return NULL;
	if (cw_identity_is_transparent(listener->fd))
		__builtin_memset(asked.local, 0, sizeof(asked.local));
	locked = cw_slots_begin(listener->fd);
	if (!locked)
		return NULL;
	__builtin_memcpy(locked->local, asked.local, sizeof(asked.local));
	locked->local_port = asked.local_port;
	cw_slots_commit(locked);
	return locked;
}

static bool is_wildcard(const uint8_t local[16])
{
	uint64_t halves[2];

	__builtin_memcpy(halves, local, sizeof(halves));
	return !(halves[0] | halves[1]);
}

/* A connection has the address of its listener, unless that takes connections to any. */
static bool copy_local(struct cw_slot *slot, int from)
{
	struct cw_slot *listener = cw_slots_find(from);

	if (listener && !listener->local_port)
		listener = learn_listener(listener);
	if (!listener || listener->family != slot->family || is_wildcard(listener->local))
		return false;
	__builtin_memcpy(slot->local, listener->local, sizeof(slot->local));
	slot->local_port = listener->local_port;
	return true;
}

bool cw_accepting_fill(struct cw_slot *slot, int listener, const struct cw_accepting *call)
{
	if (!learn_peer(slot, listener, call))
		return false;
	if (!copy_local(slot, listener))
		cw_identity_ask_local(slot);
	return true;
}
