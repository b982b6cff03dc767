/* SPDX-License-Identifier: MIT */
/*
 * Asks the kernel, through a netlink socket that lives for these questions, about connections of
 * which this process has no descriptor any more.  Asked once, when the process ends.
 */
#include "track/remains.h"

#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/raw.h"
#include "core/sandbox.h"
#include "track/handed.h"
#include "track/inherited.h"
#include "track/session.h"

#include "core/poison.h"

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

/* One connection, by its addresses and its cookie (inet_diag_find_one_icsk() in the kernel). */
static struct question question_about(const struct cw_slot *slot)
{
	struct question q = {
		.header = {.nlmsg_len = sizeof(q),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST},
		.request = {.sdiag_family = slot->family,
			    .sdiag_protocol = IPPROTO_TCP,
			    .idiag_states = 1u << TCP_CLOSE_WAIT},
	};
	struct inet_diag_sockid *id = &q.request.id;

	id->idiag_sport = __builtin_bswap16(slot->local_port);
	id->idiag_dport = __builtin_bswap16(slot->peer_port);
	__builtin_memcpy(id->idiag_src, slot->local, sizeof(slot->local));
	__builtin_memcpy(id->idiag_dst, slot->peer, sizeof(slot->peer));
	id->idiag_cookie[0] = (uint32_t)slot->cookie;
	id->idiag_cookie[1] = (uint32_t)(slot->cookie >> 32);
	return q;
}

/* The answer is an error message where there is no such connection. */
static bool is_in_close_wait(long netlink, const struct cw_slot *slot)
{
	struct question q = question_about(slot);
	char answer[1024] __attribute__((aligned(8)));
	const struct nlmsghdr *header = (const void *)answer;
	const struct inet_diag_msg *told = NLMSG_DATA(answer);
	long size;

	if (cw_raw(SYS_sendto, netlink, &q, sizeof(q), 0, NULL, 0) != (long)sizeof(q))
		return false;
	size = cw_raw(SYS_recvfrom, netlink, answer, sizeof(answer), MSG_DONTWAIT, NULL, NULL);
	return size >= (long)NLMSG_LENGTH(sizeof(*told)) &&
	       header->nlmsg_type == SOCK_DIAG_BY_FAMILY && told->idiag_state == TCP_CLOSE_WAIT;
}

/* What was inherited, or received, is told of by the session that it came from. */
static bool is_own(struct cw_map *map, const struct cw_slot *entry)
{
	return entry && entry->cookie && entry->flags & CW_SLOT_SHARED &&
	       !cw_inherited_is(map, entry);
}

static bool ask_all(struct cw_map *map, long netlink)
{
	for (uint32_t i = 0; i < CW_HANDED_ALL; i++) {
		const struct cw_slot *entry = cw_handed_peek(map, i);

		if (is_own(map, entry) && entry->local_port && entry->peer_port &&
		    is_in_close_wait(netlink, entry))
			return true;
	}
	return false;
}

static bool has_entries(struct cw_map *map)
{
	for (uint32_t i = 0; i < CW_HANDED_ALL; i++) {
		const struct cw_slot *entry = cw_handed_peek(map, i);

		if (is_own(map, entry))
			return true;
	}
	return false;
}

bool cw_remains_any(void)
{
	struct cw_map *map = cw_session_own();
	bool found;
	long netlink;

	if (!map || cw_is_sandboxed || !has_entries(map))
		return false;
	netlink = cw_raw(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (netlink < 0)
		return false;
	found = ask_all(map, netlink);
	cw_raw(SYS_close, netlink);
	return found;
}
