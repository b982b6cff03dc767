/* SPDX-License-Identifier: MIT */
/*
 * A session file: its header and its sections, checked against the size that the file really has.
 */
#ifndef CWR_SESSION_FILE_H
#define CWR_SESSION_FILE_H

#include "cwshim/session.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cwr_session_file {
	const char *path; /* the caller's */
	int fd;		  /* -1: not open */
	uint64_t base;	  /* where the session begins: 0, or an address in a process's memory */
	uint64_t size;
	struct cw_session_header header; /* a copy; its strings are terminated */
};

/* Opens path and checks the header.  A session that is not `ready` is no error here. */
struct cwr_error *cwr_session_file_open(struct cwr_session_file *file, const char *path);
/*
 * Opens a session in the memory of the process that `known` is the header of, with what is known of
 * the process filled in.
 */
struct cwr_error *cwr_session_file_open_memory(struct cwr_session_file *file, const char *path,
					       uint64_t address,
					       const struct cw_session_header *known);
void cwr_session_file_close(struct cwr_session_file *file);

/* Reads header and size anew; the file may have been removed from its directory since. */
struct cwr_error *cwr_session_file_refresh(struct cwr_session_file *file);

/* Fails if a section reaches beyond the end of the file, as one that was cut short does. */
struct cwr_error *cwr_session_file_check_size(const struct cwr_session_file *file);

/* "slots"; for messages. */
const char *cwr_session_section_name(enum cw_section_id id);

/*
 * True if the section's shape is right.  Then *ret_entries is how many entries may hold something:
 * those used, at most those that there is room for; bytes for CW_SECTION_STACKS.
 */
bool cwr_session_section_entries(const struct cwr_session_file *file, enum cw_section_id id,
				 size_t *ret_entries);

/*
 * The section's entries in memory that the caller frees.  NULL with *ret_entries 0: there are
 * none; NULL with *ret_is_damaged: the section cannot be understood or read.
 */
void *cwr_session_section_read(const struct cwr_session_file *file, enum cw_section_id id,
			       size_t *ret_entries, bool *ret_is_damaged);

/* What a caller does with a slot; it is a consistent copy. */
typedef void cwr_slot_visitor(void *context, size_t index, const struct cw_slot *slot);

/* May change a slot that is about to be copied. */
typedef void cwr_slot_editor(void *context, struct cw_slot *slot);

/*
 * Copies a session in the memory of a living process, whose size has been checked, into a file that
 * nobody else sees.  Returns its descriptor, the caller's; -1: it could not be read to its end.
 */
int cwr_session_file_copy(struct cwr_session_file *source, cwr_slot_editor *edit, void *context);

/* How a walk over slots went. */
struct cwr_slot_walk {
	bool is_damaged; /* the section cannot be understood, or could not be read to its end */
	size_t torn;	 /* slots that never held still: the writer died while writing them */
};

/* Visits every slot with a cookie in CW_SECTION_SLOTS, _LATEST or _HANDED. */
struct cwr_slot_walk cwr_session_walk_slots(const struct cwr_session_file *file,
					    enum cw_section_id id, cwr_slot_visitor *visit,
					    void *context);

#endif
