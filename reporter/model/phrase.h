/* SPDX-License-Identifier: MIT */
/*
 * Short phrases about findings, as every format for people needs them.  Those that write into a
 * buffer cut at its size.
 */
#ifndef CWR_PHRASE_H
#define CWR_PHRASE_H

#include "model/model.h"

/* The program's name without its path. */
const char *cwr_phrase_program(const struct cwr_process *process);

/* How the sockets came to be: "accepted", "connected" or "created". */
const char *cwr_phrase_created(const struct cwr_finding *finding);

/* "20 sockets, oldest 11 s, all 20 ever accepted here" */
void cwr_phrase_counts(const struct cwr_finding *finding, char *text, size_t size);

/*
 * "4 sockets accepted here, after 0 ms to 2.0 s, half of them within about 1.5 ms.": what of this
 * place was closed, and how old it was then; nothing if none was, or none that anybody counted.
 */
void cwr_phrase_lives(const struct cwr_finding *finding, char *text, size_t size);

/* " -> 4250, 4251, ... (20 children)", or nothing if there are none. */
void cwr_phrase_children(const struct cwr_finding *finding, char *text, size_t size);

/* "fd 7", "fd 7, 9" or "fd 7 ... 26": the blamed descriptors of that process. */
void cwr_phrase_descriptors(const struct cwr_finding *finding, const struct cwr_process *process,
			    char *text, size_t size);

/* "0", "12 + EOF", or "-" if it is not known. */
void cwr_phrase_unread(const struct cwr_socket *socket, char *text, size_t size);

/* "EOF read", "taken out": the label of a finding's evidence. */
const char *cwr_phrase_evidence(const struct cwr_finding *finding, enum cwr_evidence which);

#endif
