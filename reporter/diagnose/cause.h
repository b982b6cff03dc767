/* SPDX-License-Identifier: MIT */
/*
 * What a cause is.  Each cause is one constant row, defined beside its rule in the file of its
 * group; causes.c puts the rows in the order in which they are tried.  See docs/adding-a-cause.md.
 */
#ifndef CWR_CAUSE_H
#define CWR_CAUSE_H

#include "model/model.h"

enum { CWR_ALSO_MAX = 3 };

/* One socket whose peer has closed, before the judges.  A rule that decides fills the rest. */
struct cwr_case {
	const struct cwr_model *model;
	struct cwr_socket *socket;
	const struct cwr_cause *cause;
	struct cwr_holder *blamed; /* the descriptor that must be closed */
	enum cwr_confidence confidence;
	pid_t child; /* the forked process in this story, 0: none */
	struct cwr_mark evidence[CWR_EVIDENCES];
	const char *also[CWR_ALSO_MAX + 1]; /* other causes that the facts support, NULL-ended */
	double age_s; /* since the FIN, or till the close if that came; < 0: unknown */
	uint64_t fingerprint;
	uint64_t group;
};

struct cwr_cause {
	const char *id;
	enum cwr_verdict verdict;
	const char *title;
	/* The stack that tells findings apart, besides that of creation; CWR_EV_CREATED: none. */
	enum cwr_evidence key;
	/* Holds for nearly every socket, so that it is not worth a mention as "also possible". */
	bool is_fallback;
	bool needs_no_holder; /* all other rules ask who has the socket open */
	/*
	 * Is this the cause?  If so, sets blamed, confidence and the marks that are this cause's
	 * evidence (`created` is already there) and returns true; else leaves the case alone.
	 */
	bool (*decide)(struct cwr_case *c);
	/*
	 * Instead of that, for a cause that is a process's and no socket's: fills the finding.
	 */
	bool (*decide_process)(struct cwr_model *model, struct cwr_finding *finding);
	/* Sets explanation and advice; the stacks have been symbolized. */
	void (*advise)(struct cwr_model *model, struct cwr_finding *finding);
};

/* No descriptor at all: backlog.c, exhausted.c */
extern const struct cwr_cause cwr_cause_unaccepted_backlog;
extern const struct cwr_cause cwr_cause_fd_exhaustion;
/* Copies in other processes and in the same one: copies.c, handover.c */
extern const struct cwr_cause cwr_cause_parent_kept_copy;
extern const struct cwr_cause cwr_cause_child_kept_copy;
extern const struct cwr_cause cwr_cause_leaked_through_exec;
extern const struct cwr_cause cwr_cause_passed_copy_kept;
extern const struct cwr_cause cwr_cause_duplicate_kept;
/* One process: inuse.c, shutdown.c, eof.c */
extern const struct cwr_cause cwr_cause_half_open_in_use;
extern const struct cwr_cause cwr_cause_shutdown_not_closed;
extern const struct cwr_cause cwr_cause_reset_not_closed;
extern const struct cwr_cause cwr_cause_wrong_close;
extern const struct cwr_cause cwr_cause_eof_read_not_closed;
/* TLS above the socket: tls.c */
extern const struct cwr_cause cwr_cause_tls_not_closed;
extern const struct cwr_cause cwr_cause_tls_handshake_stalled;
/* Two connections of one process: relay.c, clients.c */
extern const struct cwr_cause cwr_cause_half_close_relay;
extern const struct cwr_cause cwr_cause_replaced_by_reconnect;
extern const struct cwr_cause cwr_cause_abandoned_client;
extern const struct cwr_cause cwr_cause_idle_pooled_client;
/* The end-of-file was not read: stuck.c, polls.c, unused.c */
extern const struct cwr_cause cwr_cause_blocked_in_send;
extern const struct cwr_cause cwr_cause_owner_stuck;
extern const struct cwr_cause cwr_cause_loop_stopped;
extern const struct cwr_cause cwr_cause_reading_paused;
extern const struct cwr_cause cwr_cause_not_polled;
extern const struct cwr_cause cwr_cause_event_ignored;
extern const struct cwr_cause cwr_cause_never_used;
/* Undecided: unread.c */
extern const struct cwr_cause cwr_cause_opened_elsewhere;
/* Closed by now: late.c */
extern const struct cwr_cause cwr_cause_closed_late;
extern const struct cwr_cause cwr_cause_unread_not_closed;

/* All rows in the order of decision, NULL-ended. */
extern const struct cwr_cause *const cwr_causes[];

#endif
