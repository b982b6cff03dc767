/* SPDX-License-Identifier: MIT */
/*
 * Sightings of a connection; see sighting.h.
 */
#include "cmd/sighting.h"

#include <math.h>

#define CLOCKS_APART 0.1 /* what was sent right before the FIN is no use after it */

/*
 * How long nothing has been sent since the FIN.  While something is not acknowledged it may be sent
 * again, so that nothing is said against such a one; and each acknowledgement sets the kernel's
 * clock of the FIN back, but not ours.
 */
static double quiet_time(const struct cwr_diag_row *row, double age_s)
{
	return row->info.is_known && row->info.bytes_sent ? fmin(age_s, row->info.sent_s) : age_s;
}

void cwr_sighting_take(struct cwr_sighting *sighting, const struct cwr_diag_row *row,
		       double in_use_s, uint64_t now)
{
	double age_s = row->info.is_known ? row->info.last_ack_s : 0, quiet_s;

	if (!sighting->t_first)
		sighting->t_first = now;
	age_s = fmax(age_s, (double)(now - sighting->t_first) / 1e9);
	quiet_s = quiet_time(row, age_s);
	sighting->age_s = fmax(sighting->age_s, age_s);
	sighting->quiet_s = fmax(sighting->quiet_s, quiet_s);
	sighting->may_be_in_use =
		row->send_q || (quiet_s < in_use_s && quiet_s + CLOCKS_APART < age_s);
	sighting->recv_q = row->recv_q;
	sighting->send_q = row->send_q;
	sighting->t = now;
}

void cwr_sighting_tell(const struct cwr_sighting *sighting, struct cwr_holder *holder)
{
	if (!holder->is_open || holder->socket->role == CWR_ROLE_CONNECTED ||
	    sighting->may_be_in_use)
		return;
	holder->probe = (struct cwr_probe){
		.t = sighting->t,
		.is_last = true,
		.fin_seen = true,
		.cloexec = -1,
		.state = CWR_TCP_CLOSE_WAIT,
		.fin_age_s = sighting->age_s,
		.recv_q = sighting->recv_q,
		.unread = -1,
		.unsent = sighting->send_q,
	};
}
