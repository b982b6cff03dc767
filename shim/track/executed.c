/* SPDX-License-Identifier: MIT */
/*
 * A few cookies in private memory, written before the host's first instruction and never again.
 */
#include "track/executed.h"

#include <stddef.h>

#include "core/descriptors.h"
#include "track/identity.h"

#include "core/poison.h"

/* More sockets than that are handed to servers that were made for it, and are listeners. */
enum { MAX_COOKIES = 64 };

static uint64_t cookies[MAX_COOKIES];
static size_t ncookies;

static void remember(void *unused, int fd)
{
	uint64_t cookie = ncookies < MAX_COOKIES ? cw_identity_cookie(fd) : 0;

	if (cookie)
		cookies[ncookies++] = cookie;
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
