/* SPDX-License-Identifier: MIT */
/*
 * Questions to name servers.  Their sockets are libc's own, so no session tells of them, and they
 * are of UDP, so the list of connections does not either.
 */
#include "kernel/proc.h"

#include "util/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { DNS_PORT = 53 /* RFC 1035, 4.2.1 */ };

/* The inode number of the socket; 0: it is none, or may not be known. */
static uint64_t inode_of(pid_t pid, int fd)
{
	char path[64], link[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return readlink(path, link, sizeof(link) - 1) < 0 ? 0 : cwr_proc_inode_in(link);
}

/* A line of /proc/PID/net/udp: number, local and remote address, state, queues, ..., inode. */
static bool is_to_name_server(const char *line, uint64_t inode)
{
	unsigned int port;
	uint64_t found;

	return sscanf(line,
		      " %*d: %*[0-9A-F]:%*x %*[0-9A-F]:%x %*x %*x:%*x %*x:%*x %*x %*u %*d %" SCNu64,
		      &port, &found) == 2 &&
	       found == inode && port == DNS_PORT;
}

static bool has_question(pid_t pid, const char *table, uint64_t inode)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, table);
	CWR_AUTO_FCLOSE FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (is_to_name_server(line, inode))
			return true;
	return false;
}

bool cwr_proc_is_resolver(pid_t pid, int fd)
{
	uint64_t inode = fd >= 0 ? inode_of(pid, fd) : 0;

	return inode && (has_question(pid, "udp", inode) || has_question(pid, "udp6", inode));
}
