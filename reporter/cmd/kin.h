/* SPDX-License-Identifier: MIT */
/*
 * The sessions of a living process and of its living relatives, in whatever directory, of whatever
 * user and in whatever mount namespace they are.
 */
#ifndef CWR_CMD_KIN_H
#define CWR_CMD_KIN_H

#include <stddef.h>
#include <sys/types.h>

struct cwr_kin {
	size_t n;
	char **paths; /* each session once; those of the process itself first, its own before all */
};

/* Empty if the process has mapped none, or may not be looked at. */
void cwr_kin_find(pid_t pid, struct cwr_kin *ret_kin);
void cwr_kin_free(struct cwr_kin *kin);

#endif
