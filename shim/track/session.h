/* SPDX-License-Identifier: MIT */
/*
 * The process's session: creation, growth, end; and the mapped session of the nearest ancestor that
 * has one (the family), into which a child without a session of its own leaves its notes.
 * Everything here is async-signal-safe: system calls and memory only.
 */
#ifndef CW_TRACK_SESSION_H
#define CW_TRACK_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cwshim/session.h"

/* Capacities of the sections (entries; bytes for stacks). */
enum {
	CW_MODULES = 512,
	CW_STACK_INDEX = 16384, /* a power of two; at most half of it is used */
	CW_STACK_BYTES = 3 << 19,
	CW_SITES = 1024, /* a power of two */
	CW_FORKS = 4096,
	CW_EVENTS = 1024,
	CW_CHILDREN = 256,
	CW_HANDED = 4096, /* CW_HANDED_WAYS times a power of two */
	CW_LATEST = 16,
	CW_FUNCTIONS = 256,
	CW_SLOTS_MAX = 1 << 20,
	CW_FUNCTION_NAME = 32,
	CW_BLOCK = 16384, /* bytes made real at once */
};

/* A mapped session, with a bit for each block that is known to be backed by storage. */
struct cw_map {
	struct cw_session_header *header; /* NULL: none */
	uint32_t slots;			  /* capacity of the descriptor table */
	bool goes_with_fork;		  /* cw_session_before_fork() has seen to it */
	uint64_t size, common_end;	  /* of a file, as in struct cw_plan */
	_Atomic uint64_t touched[300];
};

/* Written by session.c alone. */
extern struct cw_map *_Atomic cw_session_ready;

/* The process's own session, NULL if it has none (yet). */
static inline struct cw_map *cw_session_own(void)
{
	/* Acquire: whoever sees the session sees the whole of it. */
	return atomic_load_explicit(&cw_session_ready, memory_order_acquire);
}

/* The session into which inherited sockets were recorded: an ancestor's, or NULL. */
struct cw_map *cw_session_family(void);

/* Own, else family, else NULL: where this process's stacks are kept. */
struct cw_map *cw_session_here(void);

/* The number of the fork by which this process left the family's owner. */
uint32_t cw_session_family_fork(void);

/* ... and when that was. */
uint64_t cw_session_family_forked_at(void);

/*
 * The process's own session, made if there is none.  NULL if it cannot be (said once in one line on
 * standard error), or if recording is off.
 */
struct cw_map *cw_session_ensure(void);

/* The function to call each time the process gets a session of its own.  In the constructor. */
void cw_session_on_birth(void (*function)(void));

/* Before a fork: the child shall find in memory what its parent has there (core/tables.h). */
void cw_session_before_fork(void);

/* In a forked child: what was the own session becomes the family.  fork_seq: the number of that
 * fork. */
void cw_session_after_fork(uint32_t fork_seq, uint64_t t);

/* Path of the own session file, "" if none; valid for ever. */
const char *cw_session_path(void);

/*
 * At the end of a process that could have no session: tells the `cwshim run` that it is under, if
 * that could not be told before.
 */
void cw_session_tell_again(void);

/* Has this entry ever been backed by storage?  If not it was never written. */
void *cw_session_peek(struct cw_map *map, enum cw_section_id id, uint32_t index);

/* The same for a range of bytes of the file, of which at most one block border is inside. */
static inline bool cw_session_is_backed(const struct cw_map *map, uint64_t offset, uint64_t size)
{
	uint64_t first = offset / CW_BLOCK, last = (offset + size - 1) / CW_BLOCK;
	uint64_t bits = atomic_load_explicit(&map->touched[first / 64], memory_order_relaxed) >>
			(first % 64);

	if (first != last)
		bits &= atomic_load_explicit(&map->touched[last / 64], memory_order_relaxed) >>
			(last % 64);
	return bits & 1;
}

/* Makes a range of a section real, or returns NULL: see cw_session_range(). */
void *cw_session_make_range(struct cw_map *map, enum cw_section_id id, uint64_t offset,
			    uint64_t size);

/*
 * The memory of a range of bytes of a section, backed by storage, or NULL when there is no room
 * (then recording of new things ends and the header says so).
 */
static inline void *cw_session_range(struct cw_map *map, enum cw_section_id id, uint64_t offset,
				     uint64_t size)
{
	const struct cw_section *section = &map->header->section[id];

	if (offset > section->size || size > section->size - offset)
		return NULL;
	if (size <= CW_BLOCK && cw_session_is_backed(map, section->offset + offset, size))
		return (char *)map->header + section->offset + offset;
	return cw_session_make_range(map, id, offset, size);
}

/* The same of an entry of a section. */
static inline void *cw_session_entry(struct cw_map *map, enum cw_section_id id, uint32_t index)
{
	uint32_t size = map->header->section[id].entry_size;

	return cw_session_range(map, id, (uint64_t)index * size, size);
}

/* Marks the end in the header.  `remove`: also unlinks the file. */
void cw_session_end(enum cw_end how, int status, bool remove);

/* A seccomp filter is about to be set, with all system calls still allowed; or it could not be. */
void cw_session_enter_sandbox(void);
void cw_session_leave_sandbox(void);

/* Switches recording off for good, with the reason in the header. */
void cw_session_off(enum cw_off why, int error);

#define cw_count(counter) \
	atomic_fetch_add_explicit((_Atomic uint64_t *)&(counter), 1, memory_order_relaxed)

#endif
