/* SPDX-License-Identifier: MIT */
/*
 * From whom a process has its copy of a socket: descriptors go down a tree of processes by fork,
 * and through exec, but a process may also have been sent the socket, or have made it.
 */
#ifndef CWR_LINEAGE_H
#define CWR_LINEAGE_H

#include "model/model.h"

/*
 * Was the copy inherited, over any number of forks, from that process, which had the socket before
 * the first of them?  Where the processes between are not known any more, from the creator.
 */
bool cwr_lineage_leads(const struct cwr_holder *from, const struct cwr_holder *copy);

/* The same, or it is not known which of the two processes descends from which. */
bool cwr_lineage_may_lead(const struct cwr_holder *from, const struct cwr_holder *copy);

/* The nearest ancestor that is known; NULL: none. */
struct cwr_process *cwr_lineage_parent(const struct cwr_socket *socket,
				       const struct cwr_process *process);

/* When the line that leads to the copy left that process, as far as it is known (monotonic). */
uint64_t cwr_lineage_came_at(const struct cwr_model *model, const struct cwr_holder *from,
			     const struct cwr_holder *copy);

/* The latest close of the socket, of any number, by the process of that holder; t 0: none. */
const struct cwr_mark *cwr_lineage_close(const struct cwr_holder *holder);

#endif
