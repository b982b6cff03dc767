/* SPDX-License-Identifier: MIT */
/*
 * A server that was started by root gives its rights up, and many keep a way back: squid, for one,
 * sets its effective user and leaves root as the saved one.  Its session is root's.
 *
 * The host's own user is not touched: credentials are each process's own, also where the memory is
 * shared (credentials(7)).  What belongs to the memory is the mark that says whether the process
 * may be dumped and looked at by others of its user; the kernel takes it back at a change of user
 * (fs/exec.c, kernel/cred.c: commit_creds()), so the host is given its own again.
 */
#include "trigger/reach.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/raw.h"
#include "track/session.h"

#include "core/poison.h"

enum { UNCHANGED = -1 };

/* By the effective user; opening it would need a descriptor, and there may be none left. */
static bool can_reach(void)
{
	return cw_raw(SYS_faccessat2, AT_FDCWD, cw_session_path(), R_OK | W_OK, AT_EACCESS) == 0;
}

/* The effective one first, so that the way back stays open if this user cannot reach it either. */
static bool can_reach_as(uid_t user)
{
	if (cw_raw(SYS_setresuid, UNCHANGED, user, UNCHANGED) != 0)
		return false;
	return can_reach() && cw_raw(SYS_setresuid, user, user, user) == 0;
}

static bool can_reach_as_another(void)
{
	uid_t real = 0, effective = 0, saved = 0;

	if (cw_raw(SYS_getresuid, &real, &effective, &saved) != 0 ||
	    (real == effective && saved == effective))
		return false;
	if (can_reach_as(real) || can_reach_as(saved))
		return true;
	cw_raw(SYS_setresuid, UNCHANGED, effective, UNCHANGED);
	return false;
}

bool cw_reach_session(void)
{
	long dumpable;
	bool is_reached;

	if (!*cw_session_path())
		return false;
	if (can_reach())
		return true;
	dumpable = cw_raw(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
	is_reached = can_reach_as_another();
	cw_raw(SYS_prctl, PR_SET_DUMPABLE, dumpable, 0, 0, 0);
	return is_reached;
}
