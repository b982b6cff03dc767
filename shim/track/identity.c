/* SPDX-License-Identifier: MIT */
/*
 * Socket identity and addresses, by raw system calls.
 */
#include "track/identity.h"

#include <netinet/in.h>
#include <stdatomic.h>

#include "core/clock.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/thread.h"

#include "core/poison.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

uint64_t cw_identity_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (cw_is_sandboxed || cw_raw(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return 0;
	return cookie;
}

/*
 * Processes and times apart: the count starts where the coarse clock is, and children of a fork go
 * on with their parent's.
 */
static uint64_t make_name(void)
{
	static _Atomic uint32_t count;
	uint32_t none = 0;

	atomic_compare_exchange_strong_explicit(&count, &none, (uint32_t)(cw_now() >> 22) | 1,
						memory_order_relaxed, memory_order_relaxed);
	return CW_COOKIE_UNNAMED | (uint64_t)CW_WHO_ID(cw_process_id()) << 32 |
	       atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}

uint64_t cw_identity_name(int fd)
{
	return cw_is_sandboxed ? make_name() : cw_identity_cookie(fd);
}

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (!cw_is_sandboxed)
		cw_raw(SYS_getsockopt, fd, level, option, &value, &len);
	return value;
}

bool cw_identity_is_tcp(int fd)
{
	int domain = get_int(fd, SOL_SOCKET, SO_DOMAIN);

	return (domain == AF_INET || domain == AF_INET6) &&
	       get_int(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
	       get_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM; /* and not a raw one, raw(7) */
}

bool cw_identity_is_transparent(int fd)
{
	return get_int(fd, IPPROTO_IP, IP_TRANSPARENT) != 0;
}

static bool unpack(const struct sockaddr *addr, socklen_t len, uint8_t ip[16], uint16_t *ret_port)
{
	if (len >= sizeof(struct sockaddr_in) && addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)addr;

		__builtin_memcpy(ip, &in->sin_addr, 4);
		*ret_port = __builtin_bswap16(in->sin_port);
		return true;
	}
	if (len >= sizeof(struct sockaddr_in6) && addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)addr;

		__builtin_memcpy(ip, &in6->sin6_addr, 16);
		*ret_port = __builtin_bswap16(in6->sin6_port);
		return true;
	}
	return false;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are swapped from network order");

bool cw_identity_set_peer(struct cw_slot *slot, const struct sockaddr *addr, socklen_t len)
{
	if (!addr || !unpack(addr, len, slot->peer, &slot->peer_port))
		return false;
	slot->family = (uint8_t)addr->sa_family;
	return true;
}

bool cw_identity_ask_peer(struct cw_slot *slot)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	return !cw_is_sandboxed && cw_raw(SYS_getpeername, slot->fd, &addr, &len) >= 0 &&
	       cw_identity_set_peer(slot, (struct sockaddr *)&addr, len);
}

bool cw_identity_ask_local(struct cw_slot *slot)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (cw_is_sandboxed || cw_raw(SYS_getsockname, slot->fd, &addr, &len) < 0 ||
	    !unpack((struct sockaddr *)&addr, len, slot->local, &slot->local_port))
		return false;
	slot->family = (uint8_t)((struct sockaddr *)&addr)->sa_family;
	return true;
}
