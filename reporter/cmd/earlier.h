/* SPDX-License-Identifier: MIT */
/*
 * What the sessions of a `cwshim run` say of some sockets while it goes on: copies of their slots,
 * which are used again once the sockets are closed.  A session of which there are copies is kept
 * open, because its process may remove it at its end.
 */
#ifndef CWR_CMD_EARLIER_H
#define CWR_CMD_EARLIER_H

#include "session/file.h"

struct cwr_earlier_session {
	char *path;
	struct cwr_session_file file;
	size_t ncopies;
	bool has_ended; /* its process, when it was looked at last */
	struct cwr_earlier_session *next;
};

struct cwr_copy {
	struct cwr_earlier_session *session;
	struct cw_slot slot; /* with fd the number */
	bool is_live;	     /* when it was looked at last the descriptor was open, by the slot */
	struct cwr_copy *next;
};

struct cwr_earlier {
	const char *dir; /* of the run's sessions; the caller's */
	struct cwr_earlier_session *sessions;
	size_t n;
	bool is_full; /* once there were more sessions than can be kept open */
};

/* Where the copies of this socket's slots go; NULL: it is not asked for. */
typedef struct cwr_copy **cwr_copy_chooser(void *context, uint64_t cookie);

/*
 * Looks for slots of the sockets that `choose` wants, in the sessions that are kept open and in
 * those of the directory.  A slot that is there in place of an earlier copy replaces it; an older
 * one stays.  Sets is_live and has_ended.
 */
void cwr_earlier_look(struct cwr_earlier *earlier, cwr_copy_chooser *choose, void *context);

/* Frees the copies; a session without any is closed at the next look. */
void cwr_copies_free(struct cwr_copy *copies);

/* After all copies. */
void cwr_earlier_free(struct cwr_earlier *earlier);

#endif
