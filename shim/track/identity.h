/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says a descriptor is.  All async-signal-safe, errno untouched.  In a sandbox the
 * kernel is not asked, and all of them know nothing.
 */
#ifndef CW_TRACK_IDENTITY_H
#define CW_TRACK_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "cwshim/session.h"

/* SO_COOKIE (socket(7)): the same in every process, never reused; 0 if fd is no socket. */
uint64_t cw_identity_cookie(int fd);

/* The cookie; in a sandbox a new number that stands for it (CW_COOKIE_UNNAMED). */
uint64_t cw_identity_name(int fd);

/* Is fd a stream socket of IPv4 or IPv6? */
bool cw_identity_is_tcp(int fd);

/* Does this listener take connections to any address (IP_TRANSPARENT)?  Unknown is yes. */
bool cw_identity_is_transparent(int fd);

/* Fills the slot's family and peer address from what a call was given or returned; false if the
 * address is of another family or cut short. */
bool cw_identity_set_peer(struct cw_slot *slot, const struct sockaddr *addr, socklen_t len);

/* Asks the kernel (getpeername, getsockname).  False if it does not know. */
bool cw_identity_ask_peer(struct cw_slot *slot);
bool cw_identity_ask_local(struct cw_slot *slot);

#endif
