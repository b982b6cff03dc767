/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the session reader share while one session is read.
 */
#ifndef CWR_SESSION_LOADER_H
#define CWR_SESSION_LOADER_H

#include "model/model.h"
#include "session/file.h"

struct cwr_stack_entry;

struct cwr_loader {
	struct cwr_model *model;
	struct cwr_process *process; /* whose session it is */
	const struct cwr_session_file *file;
	unsigned char *stacks; /* CW_SECTION_STACKS as it stands in the file */
	size_t stacks_size;
	struct cwr_stack_entry *stack_index; /* those made already, by id */
	const char **functions;		     /* by id, the model's */
	size_t nfunctions;
	struct cw_site *sites;
	size_t nsites;
};

/* tables.c: everything but the slots.  Call first; free after the slots have been read. */
void cwr_loader_read_tables(struct cwr_loader *loader);
void cwr_loader_free(struct cwr_loader *loader);

/* NULL for id 0 and for an id that leads nowhere. */
struct cwr_stack *cwr_loader_stack(struct cwr_loader *loader, uint32_t id);

/* Says which part of the session could not be understood. */
void cwr_loader_say_damaged(struct cwr_loader *loader, enum cw_section_id id);

/* What this process created and closed at the site with that stack id. */
struct cwr_site_stats cwr_loader_site(const struct cwr_loader *loader, uint32_t stack);

/* The mark as the model has it.  pid 0: `who` holds a process id, else it holds a thread's. */
struct cwr_mark cwr_loader_mark_at(struct cwr_loader *loader, uint64_t t, uint32_t stack,
				   uint32_t who, pid_t pid, int fd);

/* The same of one in a slot or in the header. */
struct cwr_mark cwr_loader_mark(struct cwr_loader *loader, const struct cw_mark *mark, pid_t pid,
				int fd);

/* sockets.c: slots and the handed-over cache. */
void cwr_loader_read_sockets(struct cwr_loader *loader);

/* A slot of earlier, whose descriptor is closed; unless something newer is known of that one. */
void cwr_loader_read_earlier(struct cwr_loader *loader, const struct cw_slot *slot);

/* events.c: what the ring adds to them.  After the sockets. */
void cwr_loader_read_events(struct cwr_loader *loader);

/*
 * join.c: the entry of the process that a header describes: a new one, or one that a note in its
 * parent's session has announced.
 */
struct cwr_process *cwr_join_process(struct cwr_model *model,
				     const struct cw_session_header *header);

/*
 * The descendant of parent with that number, come from parent's fork number fork_seq (0: not
 * known); added if it is not there.
 */
struct cwr_process *cwr_join_descendant(struct cwr_model *model, struct cwr_process *parent,
					pid_t pid, uint32_t fork_seq);

/* Links a process, once its session is read, with its parent, its children and its other images. */
void cwr_join_family(struct cwr_model *model, struct cwr_process *process);

#endif
