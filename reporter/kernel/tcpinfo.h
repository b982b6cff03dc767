/* SPDX-License-Identifier: MIT */
/*
 * What TCP_INFO says, wherever it came from (tcp(7), linux/tcp.h).
 */
#ifndef CWR_TCPINFO_H
#define CWR_TCPINFO_H

#include "model/model.h"

struct cwr_tcp_info {
	bool is_known;
	bool has_bytes; /* the kernel counts them (Linux 4.19) */
	enum cwr_tcp_state state;
	double last_ack_s; /* since the last segment with an ACK: in CLOSE_WAIT, since the FIN */
	double idle_s;	   /* since data last moved, either way */
	double sent_s;	   /* since data was last sent, or sent again */
	double received_s; /* since data last came */
	uint64_t bytes_received, bytes_sent; /* data, without SYN and FIN */
};

/* FIN or, for a state that is no longer any of a connection's, a reset has come. */
bool cwr_tcp_fin_seen(enum cwr_tcp_state state);

/* data is a struct tcp_info of the running kernel, which may be shorter or longer than ours. */
struct cwr_tcp_info cwr_tcp_info_read(const void *data, size_t size);

#endif
