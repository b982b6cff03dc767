/* SPDX-License-Identifier: MIT */
/*
 * A few cookies in private memory, written before the host's first instruction and never again.
 * That a number is tracked without a session, and without a family's, means that it is one of them.
 */
#include "track/executed.h"

#include <stddef.h>

#include "core/descriptors.h"
#include "core/sandbox.h"
#include "core/thread.h"
#include "track/identity.h"
#include "track/session.h"
#include "track/slots.h"

#include "core/poison.h"

/* More sockets than that are handed to servers that were made for it, and are listeners. */
enum { MAX_COOKIES = 64 };

static uint64_t cookies[MAX_COOKIES];
static size_t ncookies;

CW_FORKED bool cw_executed_waiting;

/* One that was reset has no peer any more, and a listener never had one. */
static bool is_connection(int fd)
{
	struct cw_slot slot = {.fd = fd};

	return cw_identity_is_tcp(fd) && cw_identity_ask_peer(&slot);
}

static void remember(void *unused, int fd)
{
	uint64_t cookie = ncookies < MAX_COOKIES ? cw_identity_cookie(fd) : 0;

	if (!cookie)
		return;
	cookies[ncookies++] = cookie;
	if (!is_connection(fd))
		return;
	cw_slots_track_number(fd);
	cw_executed_waiting = true;
}

void cw_executed_remember(void)
{
	cw_descriptors_each(remember, NULL);
}

bool cw_executed_has(uint64_t cookie)
{
	for (size_t i = 0; i < ncookies; i++)
		if (cookies[i] == cookie)
			return true;
	return false;
}

void cw_executed_settle(void)
{
	if (cw_executed_waiting)
		cw_session_ensure();
}

/* The number may have been closed and be another socket's, out of our sight. */
static void adopt_one(int fd)
{
	struct cw_slot slot = {.fd = fd,
			       .role = CW_ROLE_INHERITED,
			       .via = CW_VIA_EXEC,
			       .from_fd = -1,
			       .cookie = cw_identity_cookie(fd)};

	if (!cw_executed_has(slot.cookie))
		return;
	cw_identity_ask_peer(&slot);
	cw_identity_ask_local(&slot);
	cw_slots_put(&slot);
}

void cw_executed_adopt(void)
{
	uint32_t end = cw_slots_end();

	if (!cw_executed_waiting)
		return;
	cw_executed_waiting = false;
	for (uint32_t fd = 0; fd < end && !cw_is_sandboxed; fd++)
		if (cw_slots_is_tracked((int)fd))
			adopt_one((int)fd);
}

static bool is_unused(const struct cw_slot *slot)
{
	return !slot || !(slot->flags & CW_SLOT_LIVE) ||
	       (slot->via == CW_VIA_EXEC && !slot->last.who && !slot->eof.tick);
}

bool cw_executed_is_all(void)
{
	struct cw_map *map = cw_session_own();
	uint32_t end = cw_slots_end();

	if (!map || map->header->created || map->header->closed ||
	    map->header->flags & CW_SESSION_RECEIVED)
		return false;
	for (uint32_t fd = 0; fd < end; fd++)
		if (!is_unused(cw_slots_find((int)fd)))
			return false;
	return true;
}
