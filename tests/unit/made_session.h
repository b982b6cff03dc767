/* SPDX-License-Identifier: MIT */
/*
 * Sessions made by hand, for tests: build one in memory, change what the test is about, write it
 * to a file and read it as the reporter does.
 *
 *	struct made_session *made = made_session_new(100);
 *	struct cw_slot *slot = made_slot(made, 7, cookie);
 *	slot->created = made_mark(made, 5, "accept4", made_stack(made, 2, (uint64_t[]){ 1, 2 }));
 *	made_session_write(made, path);
 *	made_session_free(made);
 */
#ifndef MADE_SESSION_H
#define MADE_SESSION_H

#include "cwshim/session.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	MADE_SLOTS = 64,
	MADE_HANDED = 16,
	MADE_LATEST = 4,
	MADE_FORKS = 8,
	MADE_SITES = 16,
	MADE_MODULES = 4,
	MADE_FUNCTIONS = 32,
	MADE_EVENTS = 8,
	MADE_STACK_BYTES = 4096,
};

/* Times of tests are small numbers of ticks: this is one in nanoseconds, as all but marks have it.
 */
#define MADE_T(t) ((uint64_t)(t) << CW_TICK_BITS)

/* The file itself, as it will be written. */
struct made_session {
	struct cw_session_header header;
	struct cw_module modules[MADE_MODULES];
	cw_stack_id stack_index[64];
	unsigned char stacks[MADE_STACK_BYTES];
	struct cw_site sites[MADE_SITES];
	struct cw_fork forks[MADE_FORKS];
	struct cw_event events[MADE_EVENTS];
	struct cw_slot handed[MADE_HANDED];
	struct cw_slot latest[MADE_LATEST];
	struct cw_child children[4];
	char functions[MADE_FUNCTIONS][32];
	struct cw_slot slots[MADE_SLOTS];
};

/* A complete session of a process that never ended: start_ticks 10 * pid, begun at MADE_T(1000). */
struct made_session *made_session_new(pid_t pid);
void made_session_free(struct made_session *made);

/* A live slot with that cookie: an IPv4 connection, accepted, from 127.0.0.1:5000+fd. */
struct cw_slot *made_slot(struct made_session *made, int fd, uint64_t cookie);

/* An entry of the handed-over cache: the same, closed at t by the thread of the process's number.
 */
struct cw_slot *made_handed(struct made_session *made, int fd, uint64_t cookie, uint64_t t);

/* The same among those that were closed last. */
struct cw_slot *made_latest(struct made_session *made, int fd, uint64_t cookie, uint64_t t);

/* A mark of the thread that has the process's own number. */
struct cw_mark made_mark(struct made_session *made, uint64_t t, const char *function,
			 uint32_t stack);

/* The same for a note: `who` holds a process id. */
struct cw_mark made_mark_of(struct made_session *made, pid_t pid, uint64_t t, const char *function,
			    uint32_t stack);

/* Adds a stack and returns its id; nips at most CW_STACK_FRAMES_MAX. */
uint32_t made_stack(struct made_session *made, size_t nips, const uint64_t *ips);

/* The next fork record. */
struct cw_fork *made_fork(struct made_session *made, pid_t child, uint64_t t, uint32_t stack);

/* The next module: [start, end) of the file at path, loaded with that bias. */
struct cw_module *made_module(struct made_session *made, uint64_t start, uint64_t end,
			      uint64_t bias, const char *path);

/* Makes the session that of a child of parent's, from the latest fork recorded there. */
void made_session_set_parent(struct made_session *made, const struct made_session *parent);

/* Writes the file; fails the test if that does not work. */
void made_session_write(const struct made_session *made, const char *path);
void made_file_write(const char *path, const void *data, size_t size);

#endif
