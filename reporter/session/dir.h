/* SPDX-License-Identifier: MIT */
/*
 * The directory of sessions: which one it is, whether it can be trusted, and what is in it.
 */
#ifndef CWR_SESSION_DIR_H
#define CWR_SESSION_DIR_H

#include "session/session.h"

/*
 * `option` if it is not NULL, else `session_dir` of CWSHIM_OPTIONS, else that in $XDG_RUNTIME_DIR,
 * else that in /tmp; as the shim chooses.  The caller frees it.
 */
char *cwr_session_dir_choose(const char *option);

/*
 * Refuses what is neither a directory of this user's that only he can write to, nor one like /tmp
 * (root's and sticky).  A directory that does not exist is fine: there are no sessions.
 */
struct cwr_error *cwr_session_dir_check(const char *dir);

/* May a file of that name, without a directory, be a session? */
bool cwr_session_is_name(const char *name);

struct cwr_session_entry {
	char *path;
	struct cwr_error *error; /* why the header cannot be read, or NULL */
	struct cw_session_header header;
};

struct cwr_session_list {
	size_t n;
	struct cwr_session_entry *entries; /* in order of start */
};

/*
 * Lists the sessions in a checked directory and in those of `cwshim run` below it.  Sessions that
 * are only being made are left out.
 */
struct cwr_error *cwr_session_dir_list(const char *dir, struct cwr_session_list *ret_list);
void cwr_session_list_free(struct cwr_session_list *list);

/*
 * The index of the session whose process forked that one, which has none of its own; list->n: there
 * is none.  Process numbers are used again: the latest fork counts.
 */
size_t cwr_session_find_maker(const struct cwr_session_list *list, pid_t pid);

/*
 * The newest session that has recorded one of these n sockets, as open or as closed with copies
 * elsewhere; list->n: none has.
 */
size_t cwr_session_find_sharer(const struct cwr_session_list *list, const uint64_t *cookies,
			       size_t n);

/* Are these two images of one process, or parent and child? */
bool cwr_session_is_next_of_kin(const struct cw_session_header *a,
				const struct cw_session_header *b);

/* Sets ret_is_relative[i] for all that are connected with entry `start` by such ties. */
void cwr_session_find_relatives(const struct cwr_session_list *list, size_t start,
				bool *ret_is_relative);

#endif
