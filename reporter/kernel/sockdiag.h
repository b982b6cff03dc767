/* SPDX-License-Identifier: MIT */
/*
 * The kernel's list of TCP sockets, by netlink sock_diag (sock_diag(7)).  It knows one network
 * namespace, that in which the netlink socket was made, and no socket in state CLOSE.
 */
#ifndef CWR_SOCKDIAG_H
#define CWR_SOCKDIAG_H

#include "kernel/tcpinfo.h"
#include "model/model.h"
#include "util/error.h"

struct cwr_diag_row {
	uint64_t cookie;
	uint64_t inode; /* 0: not accepted yet, or closed already */
	enum cwr_tcp_state state;
	struct cwr_addr local, peer;
	uint32_t recv_q, send_q; /* LISTEN: connections that wait for accept, and at most */
	unsigned int space;	 /* 0, 1, ...: which of the network namespaces that were read */
	struct cwr_tcp_info info;
};

struct cwr_diag;

/*
 * Reads all sockets but those in TIME_WAIT, each once.  *ret_diag is never NULL; after an
 * error it is as complete as it got.
 */
struct cwr_error *cwr_diag_read(struct cwr_diag **ret_diag);

/* The same of those in CLOSE_WAIT alone: the kernel leaves out the others. */
struct cwr_error *cwr_diag_read_close_wait(struct cwr_diag **ret_diag);

/* Adds those of another network namespace, which a descriptor of /proc/PID/ns/net stands for. */
struct cwr_error *cwr_diag_read_namespace(struct cwr_diag *diag, int netns);
void cwr_diag_free(struct cwr_diag *diag);

/* NULL if there is none. */
const struct cwr_diag_row *cwr_diag_by_cookie(const struct cwr_diag *diag, uint64_t cookie);
const struct cwr_diag_row *cwr_diag_by_inode(const struct cwr_diag *diag, uint64_t inode);

/* For every row. */
typedef void cwr_diag_visitor(void *context, const struct cwr_diag_row *row);
void cwr_diag_each(const struct cwr_diag *diag, cwr_diag_visitor *visit, void *context);

#endif
