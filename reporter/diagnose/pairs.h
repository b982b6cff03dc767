/* SPDX-License-Identifier: MIT */
/*
 * Sockets in their relation to each other: what a thread did one after the other, and the two ends
 * of a connection.  As in index.h, a question costs the same however many sockets there are; all
 * is prepared at the first one.
 */
#ifndef CWR_PAIRS_H
#define CWR_PAIRS_H

#include "model/model.h"

/* What a thread did with a descriptor, and when. */
struct cwr_moment {
	const struct cwr_process *process;
	pid_t tid;
	uint64_t t;
	const struct cwr_holder *holder;
};

/*
 * The first shutdown of the writing half alone, by the thread that read this end-of-file, since
 * then, of a connection whose other side has not ended yet (FIN_WAIT2); NULL: none.
 */
const struct cwr_moment *cwr_pairs_first_shutdown(const struct cwr_model *model,
						  const struct cwr_holder *reader);

/* The same thread's next one, or NULL. */
const struct cwr_moment *cwr_pairs_next_shutdown(const struct cwr_model *model,
						 const struct cwr_moment *moment);

/* Did that thread read another end-of-file after this one, and not later than t? */
bool cwr_pairs_has_eof_until(const struct cwr_model *model, const struct cwr_holder *reader,
			     uint64_t t);

/* Sockets that may be the other end of this one, by their ports; NULL: none. */
struct cwr_facing {
	const struct cwr_socket *socket;
	struct cwr_facing *next;
};

const struct cwr_facing *cwr_pairs_facing(const struct cwr_model *model,
					  const struct cwr_socket *socket);

#endif
