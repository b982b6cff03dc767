/* SPDX-License-Identifier: MIT */
/*
 * What other rules ask of connections that the program made itself.
 */
#ifndef CWR_CLIENTS_H
#define CWR_CLIENTS_H

#include "diagnose/cause.h"

/*
 * Is it at rest in a pool, which keeps it for another use and has not been told yet that the peer
 * has given it up, by a FIN or by a reset?
 */
bool cwr_clients_is_pooled(const struct cwr_case *c);

#endif
