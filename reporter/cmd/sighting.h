/* SPDX-License-Identifier: MIT */
/*
 * What sample after sample says of one connection in CLOSE_WAIT.
 */
#ifndef CWR_CMD_SIGHTING_H
#define CWR_CMD_SIGHTING_H

#include "kernel/sockdiag.h"
#include "model/model.h"

/* Zeroed: not seen yet. */
struct cwr_sighting {
	uint64_t t_first, t; /* of the first and of the latest sample that had it */
	double age_s;	     /* since the FIN, at t: a lower bound */
	double quiet_s;	     /* the longest time without use after the FIN */
	bool may_be_in_use;  /* at t: data is under way, or was sent lately, after the FIN */
	uint32_t recv_q, send_q;
};

/*
 * It is in this sample, taken at `now`, monotonic.  What was sent within in_use_s is a use (option
 * --in-use).
 */
void cwr_sighting_take(struct cwr_sighting *sighting, const struct cwr_diag_row *row,
		       double in_use_s, uint64_t now);

/*
 * The process has ended, and the descriptor was open until then: the kernel's last word goes into
 * the holder.  Not where more than that must be known to call it a leak: of a client's connection,
 * which a pool may keep, and of one that may be in use.
 */
void cwr_sighting_tell(const struct cwr_sighting *sighting, struct cwr_holder *holder);

#endif
