/* SPDX-License-Identifier: MIT */
/*
 * What the parts of kernel/ share during one observation, in the order in which they work.
 */
#ifndef CWR_OBSERVER_H
#define CWR_OBSERVER_H

#include "kernel/census.h"
#include "kernel/sockdiag.h"
#include "model/model.h"

struct cwr_observer {
	struct cwr_model *model;
	const struct cwr_diag *diag;
	struct cwr_census *census;
	uint64_t t_listed; /* when diag was read, before the sessions; monotonic */
};

/* numbers.c: numbers of other pid namespaces become those of /proc.  First of all. */
void cwr_observe_numbers(struct cwr_observer *observer);

/* liveness.c: which processes are still the ones that the sessions speak of. */
void cwr_observe_liveness(struct cwr_observer *observer);

/* unnamed.c: which sockets are those that were recorded by their number alone? */
void cwr_observe_unnamed(struct cwr_observer *observer);

/* confirm.c: are the descriptors of living processes still these sockets? */
void cwr_observe_holders(struct cwr_observer *observer);

/* foreign.c: who else holds them; what else the living hold. */
void cwr_observe_unknowns(struct cwr_observer *observer);
void cwr_observe_foreigners(struct cwr_observer *observer);

/* The living process of that number, added if need be; NULL if there is none. */
struct cwr_process *cwr_observe_process(struct cwr_model *model, pid_t pid);

/* flight.c: who holds none that the kernel has open. */
void cwr_observe_flight(struct cwr_observer *observer);
/* backlog.c: connections that nobody has accepted. */
void cwr_observe_backlogs(struct cwr_observer *observer);

/* facts.c: states, queues, end-of-file. */
void cwr_observe_facts(struct cwr_observer *observer);

/* confirm.c: which of them are close-on-exec; after the facts. */
void cwr_observe_cloexec(struct cwr_observer *observer);

#endif
