/* SPDX-License-Identifier: MIT */
/*
 * Sessions, as the shim leaves them: read into the model, and joined there.
 *
 * Nothing in a session is trusted: no offset, length, index or string end.  A file that is no
 * session, or is cut short, is an error; a part of one that makes no sense is said in the
 * process's `limits`, and the rest is read.  The file may be written while it is read.
 */
#ifndef CWR_SESSION_H
#define CWR_SESSION_H

#include "cwshim/session.h"
#include "model/model.h"
#include "util/error.h"

/*
 * Reads one session into the model and joins it with what is there: sockets by cookie, processes
 * by pid and start time, a child with its parent.  The order of the calls does not matter.
 * Errors (CWR_EXIT_INPUT) name the path; the model is then as it was before.
 */
struct cwr_error *cwr_session_load(struct cwr_model *model, const char *path);

/*
 * The same of a session in the memory of a living process, at this address there.  `known` is its
 * header, with what is known of the process filled in; pid is its number in /proc.
 */
struct cwr_error *cwr_session_load_memory(struct cwr_model *model, pid_t pid, uint64_t address,
					  const struct cw_session_header *known);

struct cwr_session_file;

/*
 * Adds what `file`, which is open and ready, said earlier of sockets that its process has closed
 * since: slots as they stood there, with fd the number.  What the session itself still tells of one
 * goes before.  The session is read first, if it is not in the model.
 */
struct cwr_error *cwr_session_load_earlier(struct cwr_model *model, struct cwr_session_file *file,
					   const struct cw_slot *slots, size_t n);

/*
 * Reads a session from a file that is open, which may be a copy (cwr_session_file_copy()); its path
 * is only a name.  *ret_process is the model's; NULL after an error.
 */
struct cwr_error *cwr_session_load_file(struct cwr_model *model, struct cwr_session_file *file,
					struct cwr_process **ret_process);

/* Only the header, checked; ret_header->ready may be 0: the process is still starting. */
struct cwr_error *cwr_session_read_header(const char *path, struct cw_session_header *ret_header);

#endif
