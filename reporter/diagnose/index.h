/* SPDX-License-Identifier: MIT */
/*
 * What rules ask of all other sockets, prepared so that a question costs the same however many
 * sockets there are: a server may well have leaked a hundred thousand.
 */
#ifndef CWR_INDEX_H
#define CWR_INDEX_H

#include "diagnose/table.h"
#include "model/model.h"

/* What is prepared; of index.c, descriptors.c and pairs.c only. */
struct cwr_index {
	struct cwr_model *model;
	struct cwr_table table;
	struct service *services;
	struct cwr_pairs *pairs; /* NULL: nobody has asked yet */
};

/* Sets model->index, and sorts the watches of its processes.  The rules need it. */
void cwr_index_build(struct cwr_model *model);

/* Does the socket's creator use another one that it made at the same place? */
bool cwr_index_has_used_sibling(const struct cwr_model *model, const struct cwr_socket *socket);

/* Did data move on one, open or closed by now, that the same place made later? */
bool cwr_index_has_served_successor(const struct cwr_model *model, const struct cwr_socket *socket);

/*
 * Does the place that made it use its connections again?  One of them, this one too, was used for a
 * second exchange, and not as part of one purpose that each of them was made for.
 */
bool cwr_index_is_pool(const struct cwr_model *model, const struct cwr_socket *socket);

/* Did that thread connect to the same peer from the same place, later than t and than this one? */
bool cwr_index_was_replaced(const struct cwr_model *model, const struct cwr_socket *socket,
			    pid_t tid, uint64_t t);

/*
 * Was it, or another connection to the same peer from the same place, idle for good and its peer
 * still there when the other one was made?
 */
bool cwr_index_was_passed_over(const struct cwr_model *model, const struct cwr_socket *socket);

/* Has the process, which has this connection to a server open, another one to the same server? */
bool cwr_index_has_other_to_peer(const struct cwr_model *model, const struct cwr_socket *socket,
				 const struct cwr_process *process);

/* Is another connection of the same kind in a set that this thread waits on; 0: that any does? */
bool cwr_index_has_polled_sibling(const struct cwr_model *model, const struct cwr_socket *socket,
				  const struct cwr_process *process, pid_t tid);

/* The process's open descriptor of that number, if it is a socket; else NULL. */
const struct cwr_holder *cwr_index_open_at(const struct cwr_model *model,
					   const struct cwr_process *process, int fd);

/* Who serves the sockets that were made at the same place as this one, in that process. */
struct cwr_servers {
	bool is_known;			 /* somebody does */
	bool is_any_free;		 /* one of them is not stuck */
	const struct cwr_thread *thread; /* the last one of them that is there; or NULL */
};

struct cwr_servers cwr_index_servers(const struct cwr_model *model, const struct cwr_socket *socket,
				     const struct cwr_process *process);

#endif
