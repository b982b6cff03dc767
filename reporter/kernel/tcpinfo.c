/* SPDX-License-Identifier: MIT */
/*
 * What TCP_INFO says; see tcpinfo.h.
 */
#include "kernel/tcpinfo.h"

#include <linux/tcp.h>
#include <string.h>

bool cwr_tcp_fin_seen(enum cwr_tcp_state state)
{
	return state == CWR_TCP_CLOSE_WAIT || state == CWR_TCP_LAST_ACK || state == CWR_TCP_CLOSING;
}

struct cwr_tcp_info cwr_tcp_info_read(const void *data, size_t size)
{
	struct tcp_info from = {0};
	struct cwr_tcp_info info = {.is_known = true};

	memcpy(&from, data, size < sizeof(from) ? size : sizeof(from));
	info.has_bytes =
		size >= offsetof(struct tcp_info, tcpi_bytes_sent) + sizeof(from.tcpi_bytes_sent);
	info.state = from.tcpi_state <= CWR_TCP_CLOSING ? (enum cwr_tcp_state)from.tcpi_state
							: CWR_TCP_UNKNOWN;
	info.last_ack_s = from.tcpi_last_ack_recv / 1000.0;
	info.idle_s =
		(from.tcpi_last_data_sent < from.tcpi_last_data_recv ? from.tcpi_last_data_sent
								     : from.tcpi_last_data_recv) /
		1000.0;
	info.sent_s = from.tcpi_last_data_sent / 1000.0;
	info.received_s = from.tcpi_last_data_recv / 1000.0;
	info.bytes_sent = from.tcpi_bytes_sent;
	/* tcp_rcv_nxt_update() counts the FIN's sequence number as a byte. */
	info.bytes_received = from.tcpi_bytes_received;
	if (cwr_tcp_fin_seen(info.state) && info.bytes_received)
		info.bytes_received--;
	return info;
}
