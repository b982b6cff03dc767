/* SPDX-License-Identifier: MIT */
/*
 * The kernel's list of TCP sockets; see sockdiag.h.
 */
#include "kernel/sockdiag.h"

#include "model/arena.h"
#include "model/map.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024 };

struct entry {
	struct cwr_diag_row row;
	struct entry *next;
};

struct cwr_diag {
	struct cwr_arena arena;
	struct entry *entries; /* in no order */
	struct cwr_map by_cookie;
	struct cwr_map by_inode;
	unsigned int space; /* that is being read */
	uint32_t states;    /* that are asked for: bits 1 << enum cwr_tcp_state */
};

/* The request: a dump of one address family, with TCP_INFO. */
struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

static struct cwr_error *send_request(int fd, int family, uint32_t states)
{
	const struct request request = {
		.header =
			{
				.nlmsg_len = sizeof(request),
				.nlmsg_type = SOCK_DIAG_BY_FAMILY,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			},
		.body =
			{
				.sdiag_family = (uint8_t)family,
				.sdiag_protocol = IPPROTO_TCP,
				.idiag_ext = 1 << (INET_DIAG_INFO - 1),
				.idiag_states = states,
			},
	};

	if (send(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request))
		return NULL;
	return cwr_error_new(CWR_EXIT_INPUT, "sock_diag: %s", strerror(errno));
}

static struct cwr_addr address(const struct inet_diag_msg *msg, const uint32_t *ip, uint16_t port)
{
	struct cwr_addr addr = {.family = msg->idiag_family, .port = ntohs(port)};

	memcpy(addr.ip, ip, addr.family == AF_INET ? 4 : 16);
	return addr;
}

static void fill_row(struct cwr_diag_row *row, const struct nlmsghdr *header)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(header);
	const struct rtattr *attribute = (const struct rtattr *)(msg + 1);
	int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)));

	row->cookie = (uint64_t)msg->id.idiag_cookie[1] << 32 | msg->id.idiag_cookie[0];
	row->inode = msg->idiag_inode;
	row->state = msg->idiag_state;
	row->local = address(msg, msg->id.idiag_src, msg->id.idiag_sport);
	row->peer = address(msg, msg->id.idiag_dst, msg->id.idiag_dport);
	row->recv_q = msg->idiag_rqueue;
	row->send_q = msg->idiag_wqueue;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == INET_DIAG_INFO)
			row->info = cwr_tcp_info_read(RTA_DATA(attribute), RTA_PAYLOAD(attribute));
}

/* A connection that changes its state during the dump may come twice: the later one is truer. */
static void add_row(struct cwr_diag *diag, const struct nlmsghdr *header)
{
	struct cwr_diag_row row = {.space = diag->space};
	struct entry *entry;

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return;
	fill_row(&row, header);
	entry = cwr_map_find(&diag->by_cookie, row.cookie);
	if (entry) {
		row.inode = entry->row.inode;
		entry->row = row;
		return;
	}
	entry = cwr_arena_alloc(&diag->arena, sizeof(*entry));
	*entry = (struct entry){row, diag->entries};
	diag->entries = entry;
	cwr_map_put(&diag->by_cookie, row.cookie, entry);
	if (row.inode)
		cwr_map_put(&diag->by_inode, row.inode, entry);
}

static struct cwr_error *answer_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *answer = NLMSG_DATA(header);
	int error = header->nlmsg_len >= NLMSG_LENGTH(sizeof(*answer)) ? -answer->error : EIO;

	return cwr_error_new(CWR_EXIT_INPUT, "sock_diag: %s", strerror(error));
}

/* Returns true when the dump has ended, by an error or not. */
static bool read_answer(struct cwr_diag *diag, const void *buffer, size_t size,
			struct cwr_error **ret_error)
{
	const struct nlmsghdr *header = buffer;

	for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return true;
		if (header->nlmsg_type == NLMSG_ERROR) {
			*ret_error = answer_error(header);
			return true;
		}
		add_row(diag, header);
	}
	return false;
}

static struct cwr_error *dump_family(struct cwr_diag *diag, int fd, int family)
{
	struct cwr_error *error = send_request(fd, family, diag->states);
	char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
	bool is_done = error;

	while (!is_done) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cwr_error_new(CWR_EXIT_INPUT, "sock_diag: %s", strerror(errno));
		is_done = read_answer(diag, buffer, (size_t)n, &error);
	}
	return error;
}

static int open_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

static struct cwr_error *dump_all(struct cwr_diag *diag, int fd)
{
	struct cwr_error *error;

	if (fd < 0)
		return cwr_error_new(CWR_EXIT_INPUT, "sock_diag: %s", strerror(errno));
	error = dump_family(diag, fd, AF_INET);
	if (error)
		return error;
	return dump_family(diag, fd, AF_INET6);
}

static struct cwr_error *read_states(struct cwr_diag **ret_diag, uint32_t states)
{
	struct cwr_diag *diag = *ret_diag = calloc(1, sizeof(*diag));
	CWR_AUTO_CLOSE int fd = open_netlink();

	if (!diag)
		cwr_out_of_memory();
	diag->states = states;
	return dump_all(diag, fd);
}

struct cwr_error *cwr_diag_read(struct cwr_diag **ret_diag)
{
	return read_states(ret_diag, ~(1u << CWR_TCP_TIME_WAIT));
}

struct cwr_error *cwr_diag_read_close_wait(struct cwr_diag **ret_diag)
{
	return read_states(ret_diag, 1u << CWR_TCP_CLOSE_WAIT);
}

/* The socket stays in the namespace that it was made in; this thread goes back at once. */
struct cwr_error *cwr_diag_read_namespace(struct cwr_diag *diag, int netns)
{
	CWR_AUTO_CLOSE int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	CWR_AUTO_CLOSE int fd = -1;

	if (home < 0 || setns(netns, CLONE_NEWNET) < 0)
		return cwr_error_new(CWR_EXIT_INPUT, "setns: %s", strerror(errno));
	fd = open_netlink();
	if (setns(home, CLONE_NEWNET) < 0)
		return cwr_error_new(CWR_EXIT_INPUT, "setns: %s", strerror(errno));
	diag->space++;
	return dump_all(diag, fd);
}

void cwr_diag_free(struct cwr_diag *diag)
{
	cwr_map_free(&diag->by_inode);
	cwr_map_free(&diag->by_cookie);
	cwr_arena_free(&diag->arena);
	free(diag);
}

const struct cwr_diag_row *cwr_diag_by_cookie(const struct cwr_diag *diag, uint64_t cookie)
{
	const struct entry *entry = cwr_map_find(&diag->by_cookie, cookie);

	return entry ? &entry->row : NULL;
}

const struct cwr_diag_row *cwr_diag_by_inode(const struct cwr_diag *diag, uint64_t inode)
{
	const struct entry *entry = cwr_map_find(&diag->by_inode, inode);

	return entry ? &entry->row : NULL;
}

void cwr_diag_each(const struct cwr_diag *diag, cwr_diag_visitor *visit, void *context)
{
	for (const struct entry *e = diag->entries; e; e = e->next)
		visit(context, &e->row);
}
