/* SPDX-License-Identifier: MIT */
/*
 * Questions to the model that several rules ask.
 */
#ifndef CWR_FACTS_H
#define CWR_FACTS_H

#include "model/model.h"

/* A damaged session must not send us round in circles on the way from child to parent. */
enum { CWR_GENERATIONS_MAX = 1000 };

/* Is the process about to end, or has it ended? */
bool cwr_fact_is_ending(const struct cwr_process *process);

/*
 * Does this descriptor keep the socket from being closed, by its process's fault?  Not one that an
 * ending process merely inherited by fork or exec: its end is its close.
 */
bool cwr_fact_counts(const struct cwr_holder *holder);

/* When this holder last did anything with the socket short of closing it; 0: never. */
uint64_t cwr_fact_last_touch(const struct cwr_holder *holder);

/* The same, over all numbers that the process had for the socket. */
uint64_t cwr_fact_process_touch(const struct cwr_socket *socket, const struct cwr_process *process);

/* Has the process ever read from the socket or written to it?  When is not always known. */
bool cwr_fact_process_used(const struct cwr_socket *socket, const struct cwr_process *process);

/* Did data move between the program and the socket?  What waits unread in the queue did not. */
bool cwr_fact_has_moved_data(const struct cwr_socket *socket);

/*
 * Was this done by a TLS library for itself, in its handshake, when reading or when ending the
 * session?  What is written there is never the program's data.
 */
bool cwr_fact_is_tls_own(const struct cwr_mark *mark);

/* How the holder ended the TLS session, if no data was written after that; else NULL. */
const struct cwr_mark *cwr_fact_tls_goodbye(const struct cwr_holder *holder);

/* The first counting holder in that process, or NULL. */
struct cwr_holder *cwr_fact_open_in(const struct cwr_socket *socket,
				    const struct cwr_process *process);

/* The counting holder whose process seems to serve the socket: the last active one, or NULL. */
struct cwr_holder *cwr_fact_server(const struct cwr_socket *socket);

/* The earliest read of the end-of-file by anybody, or NULL. */
const struct cwr_holder *cwr_fact_eof_reader(const struct cwr_socket *socket);

/* The peer has closed or reset the connection, by the kernel's word or else by history. */
bool cwr_fact_peer_closed(const struct cwr_socket *socket);

/* Is this a TCP connection, as opposed to a listener, a socket pair, a local or unused one? */
bool cwr_fact_is_connection(const struct cwr_socket *socket);

/* Were both made by the same call in the source, and accepted by the same listener? */
bool cwr_fact_same_site(const struct cwr_socket *a, const struct cwr_socket *b);

/* Are these the two ends of one connection? */
bool cwr_fact_is_other_end(const struct cwr_socket *a, const struct cwr_socket *b);

/* Seconds since the FIN as seen when the holder was last alive; < 0: unknown. */
double cwr_fact_fin_age(const struct cwr_model *model, const struct cwr_socket *socket,
			const struct cwr_process *process);

/* The moment (monotonic) until which the process is known; 0: it was killed, nobody knows when. */
uint64_t cwr_fact_known_until(const struct cwr_model *model, const struct cwr_process *process);

/* The fork by which child's line left ancestor after fork number seq, or NULL. */
const struct cwr_fork *cwr_fact_fork_to(const struct cwr_process *ancestor,
					const struct cwr_process *child, uint32_t seq);

/* The process's first fork after number seq that is still remembered and whose child is known. */
const struct cwr_fork *cwr_fact_first_fork(const struct cwr_process *process, uint32_t seq);

#endif
