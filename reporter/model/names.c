/* SPDX-License-Identifier: MIT */
/*
 * The names of the model's enumerations as JSON spells them, and addresses as text.
 */
#include "model/model.h"

#include <arpa/inet.h>
#include <stdio.h>

#define NAME_IN(table, value) \
	((size_t)(value) < sizeof(table) / sizeof((table)[0]) ? (table)[value] : NULL)

/* JSON has no word for a socket pair's way in: it came from a call that creates sockets. */
static const char *const via_names[] = {
	[CWR_VIA_UNKNOWN] = "unknown", [CWR_VIA_SOCKET] = "socket", [CWR_VIA_ACCEPT] = "accept",
	[CWR_VIA_CONNECT] = "connect", [CWR_VIA_PAIR] = "socket",   [CWR_VIA_DUP] = "dup",
	[CWR_VIA_FORK] = "fork",       [CWR_VIA_EXEC] = "exec",	    [CWR_VIA_PASSED] = "passed",
};

static const char *const role_names[] = {
	[CWR_ROLE_UNKNOWN] = "unknown",	  [CWR_ROLE_SOCKET] = "socket",
	[CWR_ROLE_ACCEPTED] = "accepted", [CWR_ROLE_CONNECTED] = "connected",
	[CWR_ROLE_PAIR] = "pair",	  [CWR_ROLE_INHERITED] = "inherited",
	[CWR_ROLE_RECEIVED] = "received",
};

static const char *const verdict_names[] = {
	[CWR_LEAK] = "leak",
	[CWR_STALL] = "stall",
	[CWR_IDLE] = "idle",
	[CWR_IN_USE] = "in-use",
};

static const char *const confidence_names[] = {
	[CWR_HIGH] = "high",
	[CWR_MEDIUM] = "medium",
	[CWR_LOW] = "low",
};

/* No end-of-file yet is, in a report about ends of file, simply not known to have come. */
static const char *const eof_names[] = {
	[CWR_EOF_UNKNOWN] = "unknown",	   [CWR_EOF_READ] = "read",
	[CWR_EOF_SWALLOWED] = "swallowed", [CWR_EOF_PENDING] = "pending",
	[CWR_EOF_NONE] = "unknown",
};

static const char *const tcp_state_names[] = {
	[CWR_TCP_ESTABLISHED] = "ESTABLISHED",
	[CWR_TCP_SYN_SENT] = "SYN_SENT",
	[CWR_TCP_SYN_RECV] = "SYN_RECV",
	[CWR_TCP_FIN_WAIT1] = "FIN_WAIT1",
	[CWR_TCP_FIN_WAIT2] = "FIN_WAIT2",
	[CWR_TCP_TIME_WAIT] = "TIME_WAIT",
	[CWR_TCP_CLOSE] = "CLOSE",
	[CWR_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[CWR_TCP_LAST_ACK] = "LAST_ACK",
	[CWR_TCP_LISTEN] = "LISTEN",
	[CWR_TCP_CLOSING] = "CLOSING",
};

static const char *const evidence_names[] = {
	[CWR_EV_CREATED] = "created",	      [CWR_EV_FORKED] = "forked",
	[CWR_EV_EXECUTED] = "executed",	      [CWR_EV_PASSED] = "passed",
	[CWR_EV_DUPLICATED] = "duplicated",   [CWR_EV_EOF] = "eof",
	[CWR_EV_SHUTDOWN] = "shutdown",	      [CWR_EV_CLOSED_ELSEWHERE] = "closed_elsewhere",
	[CWR_EV_LAST_USE] = "last_use",	      [CWR_EV_BLOCKED] = "blocked",
	[CWR_EV_LAST_ACCEPT] = "last_accept", [CWR_EV_UNPOLLED] = "unpolled",
	[CWR_EV_FAILED] = "failed",
};

const char *cwr_via_name(enum cwr_via via)
{
	return NAME_IN(via_names, via);
}

const char *cwr_role_name(enum cwr_role role)
{
	return NAME_IN(role_names, role);
}

const char *cwr_verdict_name(enum cwr_verdict verdict)
{
	return NAME_IN(verdict_names, verdict);
}

const char *cwr_confidence_name(enum cwr_confidence confidence)
{
	return NAME_IN(confidence_names, confidence);
}

const char *cwr_eof_name(enum cwr_eof eof)
{
	return NAME_IN(eof_names, eof);
}

const char *cwr_tcp_state_name(enum cwr_tcp_state state)
{
	return NAME_IN(tcp_state_names, state);
}

const char *cwr_evidence_name(enum cwr_evidence evidence)
{
	return NAME_IN(evidence_names, evidence);
}

const char *cwr_addr_format(const struct cwr_addr *addr, char *text, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	if (addr->family != AF_INET && addr->family != AF_INET6)
		return NULL;
	if (!inet_ntop(addr->family, addr->ip, ip, sizeof(ip)))
		return NULL;
	snprintf(text, size, addr->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
		 (unsigned int)addr->port);
	return text;
}
