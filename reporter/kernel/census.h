/* SPDX-License-Identifier: MIT */
/*
 * The descriptors of processes, read once for a report: one readlink(2) for each tells that it is a
 * socket, and which (its inode number, proc(5)).  All that is asked about descriptors is answered
 * from that, so that a report on very many costs one call for each.
 *
 * A descriptor of which more must be known, as of a socket that the kernel's list leaves out, is
 * copied with pidfd_getfd(2), asked, and closed at once.  That takes the right to ptrace.
 */
#ifndef CWR_CENSUS_H
#define CWR_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cwr_fd {
	int fd;
	uint64_t inode;
};

enum cwr_fds_state {
	CWR_FDS_READ,
	CWR_FDS_GONE,	/* there is no such process */
	CWR_FDS_SECRET, /* they may not be looked at */
};

/* Those of one process. */
struct cwr_fds {
	pid_t pid;
	enum cwr_fds_state state;
	size_t nsockets;
	struct cwr_fd *sockets; /* by number */
	size_t nepolls;
	int *epolls; /* descriptors of epoll(7) sets */
};

struct cwr_census;

/* Free it with cwr_census_free().  Never NULL. */
struct cwr_census *cwr_census_new(void);
void cwr_census_free(struct cwr_census *census);

/* Forgets what was read: the next question is answered by what is there then. */
void cwr_census_renew(struct cwr_census *census);

/* Read at the first question.  The census's; valid until it is renewed or freed. */
const struct cwr_fds *cwr_census_of(struct cwr_census *census, pid_t pid);

/* The inode number of the socket that the descriptor is; 0: it is none, or not open. */
uint64_t cwr_fds_inode(const struct cwr_fds *fds, int fd);

/* What a copied descriptor told: it is that socket, or another one, or it may not be copied. */
enum cwr_answer { CWR_IS_SAME, CWR_IS_OTHER, CWR_IS_SECRET };

/*
 * Is the process's descriptor the socket with that cookie?  If so and ret_copy is not NULL,
 * *ret_copy is a copy of it, which the caller closes soon: while it is open the program's close()
 * ends nothing. Else it is -1.
 */
enum cwr_answer cwr_census_ask(struct cwr_census *census, pid_t pid, int fd, uint64_t cookie,
			       int *ret_copy);

#endif
