/* SPDX-License-Identifier: MIT */
/*
 * Words that the explanations and advices of several causes share.  All strings are the model's.
 */
#ifndef CWR_WORDS_H
#define CWR_WORDS_H

#include "model/model.h"

/* " at server.c:88", " in serve (server)", or "" when the place is not known. */
const char *cwr_words_at(struct cwr_model *model, const struct cwr_mark *mark);

/* "pid 4242", or "pid 4242 and 3 more processes": those whose descriptors must be closed. */
const char *cwr_words_blamed(struct cwr_model *model, const struct cwr_finding *finding);

/* "still holds", or "held on to" if the process is gone. */
const char *cwr_words_holds(const struct cwr_finding *finding);

/* "accepted socket", "connected socket" or "socket". */
const char *cwr_words_socket(const struct cwr_finding *finding);

/* "recv()", or otherwise if the mark does not tell the function. */
const char *cwr_words_call(struct cwr_model *model, const struct cwr_mark *mark,
			   const char *otherwise);

/* "/usr/bin/logger --daemon", cut where it gets long; else the program's path. */
const char *cwr_words_command(struct cwr_model *model, const struct cwr_process *process);

#endif
