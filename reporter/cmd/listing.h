/* SPDX-License-Identifier: MIT */
/*
 * What `cwshim list` shows of each session.
 */
#ifndef CWR_CMD_LISTING_H
#define CWR_CMD_LISTING_H

#include "cmd/options.h"
#include "model/model.h"

struct cwr_listing {
	pid_t pid;
	const char *state;   /* "running", "exited 0", "signal 15", "exec", "gone" */
	const char *started; /* RFC 3339, UTC */
	const char *off;     /* why recording is off, or NULL */
	const char *command;
	const char *path;  /* of the session, or NULL */
	uint64_t sockets;  /* open, as far as is known */
	uint64_t fin_seen; /* of these, those whose peer has closed */
	uint64_t created, closed;
};

/*
 * The sessions in order of start, then living processes that have the library but no session.  The
 * rows live as long as the model that comes with them. */
struct cwr_error *cwr_listing_make(const struct cwr_options *options, struct cwr_model **ret_model,
				   struct cwr_listing **ret_rows, size_t *ret_n);

#endif
