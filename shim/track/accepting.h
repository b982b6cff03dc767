/* SPDX-License-Identifier: MIT */
/*
 * A call of accept: the peer's address comes with it, also where the host did not ask for it.
 */
#ifndef CW_TRACK_ACCEPTING_H
#define CW_TRACK_ACCEPTING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "cwshim/session.h"

/* What the real function is given for the peer's address and its length; both may be NULL. */
struct cw_accepting {
	struct sockaddr *addr;
	socklen_t *len;
	socklen_t room;		 /* bytes at addr; 0: not known, and nothing is read there */
	socklen_t own_len;	 /* in place of what the host did not give */
	struct sockaddr_in6 own; /* room for either family */
};

/*
 * Before accept: addr and len are the host's.  Where it wants no address, and the listener is known
 * to be one of TCP, the kernel is given room of ours: it copies some bytes more, which spares a
 * getpeername(), and knows the peer also of a connection that was reset meanwhile, which that does
 * not.  Async-signal-safe.
 */
void cw_accepting_begin(struct cw_accepting *call, int listener, struct sockaddr *addr,
			socklen_t *len);

/*
 * After accept: fills family and addresses of slot->fd.  False if it is no connection of TCP.
 * Async-signal-safe, changes errno no more than raw calls do: not at all.
 */
bool cw_accepting_fill(struct cw_slot *slot, int listener, const struct cw_accepting *call);

#endif
