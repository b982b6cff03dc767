/* SPDX-License-Identifier: MIT */
/*
 * A fork costs its parent one record and its child next to nothing: no session is made and no table
 * copied.  The number of the fork tells which sockets it handed down.
 */
#include "track/forks.h"

#include <signal.h>
#include <sys/mman.h>

#include "core/layouts.h"
#include "core/libunwind.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/tables.h"
#include "core/thread.h"
#include "track/executed.h"
#include "track/mark.h"
#include "track/memory.h"
#include "track/session.h"
#include "track/stacks.h"
#include "track/threshold.h"

#include "core/poison.h"

/* The number of the fork that made this process, in the session of the fork's maker. */
static CW_FORKED uint32_t own_fork_seq;

/* So many forks apart, code that seldom runs leaves the tables that each of them copies. */
enum { FORKS_APART = 32 };

/* How many of the latest forks a child looks through that returns from no call of ours. */
enum { FORKS_LOOKED_AT = 256 };

static struct cw_fork *record(struct cw_map *map, uint32_t seq)
{
	return cw_session_entry(map, CW_SECTION_FORKS, (seq - 1) % CW_FORKS);
}

/*
 * The page of the ring before this one is full.  It leaves the tables that each fork to come would
 * copy, and stays in the file.
 */
static void put_by(struct cw_map *map, uint32_t seq)
{
	uintptr_t here = (uintptr_t)record(map, seq), before = (uintptr_t)record(map, seq - 1);

	if (here >> 12 != before >> 12 && before && !cw_is_sandboxed && !cw_memory_is_session(map))
		cw_raw(SYS_madvise, before & ~4095ul, 4096, MADV_DONTNEED);
}

/* Numbers a new fork and stores its record.  Returns the number. */
static uint32_t add_record(struct cw_map *map, struct cw_fork content)
{
	struct cw_fork *fork;

	content.seq = (uint32_t)__atomic_add_fetch(&map->header->forks, 1, __ATOMIC_RELAXED);
	fork = record(map, content.seq);
	if (fork)
		*fork = content;
	if (fork && content.seq > 1)
		put_by(map, content.seq);
	map->header->section[CW_SECTION_FORKS].used = content.seq;
	return content.seq;
}

struct cw_fork_ticket cw_before_fork(unsigned int fn)
{
	struct cw_fork_ticket ticket = {0};
	struct cw_map *map;

	if (!cw_forks_may_record())
		return ticket;
	cw_executed_settle();
	map = cw_session_own();
	cw_session_before_fork();
	if (map) {
		struct cw_fork content = {.stack = cw_stack_here(map),
					  .t = cw_now(),
					  .pid = CW_FORK_PENDING,
					  .tid = (uint32_t)cw_thread_id(),
					  .fn = fn};

		ticket.t = content.t;
		ticket.seq = add_record(map, content);
		if (ticket.seq % FORKS_APART == 0)
			cw_tables_drop_seldom();
	}
	ticket.is_open = true;
	cw_libunwind_fork_before();
	return ticket;
}

/* The record of a fork, unless the ring has forgotten it. */
static struct cw_fork *find_record(struct cw_map *map, uint32_t seq)
{
	struct cw_fork *fork = map && seq ? record(map, seq) : NULL;

	return fork && fork->seq == seq ? fork : NULL;
}

static void set_pid(struct cw_map *map, uint32_t seq, pid_t pid)
{
	struct cw_fork *fork = find_record(map, seq);

	if (fork)
		fork->pid = pid;
}

/* The first thing in a child, whichever call made it. */
static void become_child(uint32_t seq, uint64_t t)
{
	bool had_session = cw_session_own() != NULL;

	cw_process_id_renew();
	cw_layouts_after_fork();
	cw_threshold_after_fork();
	cw_session_after_fork(seq, t);
	/* A grandchild of the session's owner has no record there. */
	own_fork_seq = had_session ? seq : 0;
	if (had_session)
		set_pid(cw_session_family(), seq, cw_process_id());
}

void cw_forks_set_child(const struct cw_fork_ticket *ticket, pid_t pid)
{
	if (cw_may_record())
		set_pid(cw_session_own(), ticket->seq, pid > 0 ? pid : 0);
}

void cw_on_spawn(const struct cw_fork_ticket *ticket, pid_t pid)
{
	if (!ticket->is_open)
		return;
	cw_libunwind_fork_after(false);
	cw_forks_set_child(ticket, pid);
}

pid_t cw_on_fork(const struct cw_fork_ticket *ticket, pid_t ret)
{
	if (!ticket->is_open)
		return ret;
	cw_libunwind_fork_after(ret == 0);
	/* A handler may have run first in the child, and have noticed the fork by the wiped page.
	 */
	if (ret == 0 && (!cw_process_id() || cw_process_id() != cw_process_id_ask()))
		become_child(ticket->seq, ticket->t);
	else if (ret != 0)
		set_pid(cw_session_own(), ticket->seq, ret > 0 ? ret : 0);
	return ret;
}

/* A child that no interposed function made has a number of its own, which says what it was handed.
 */
static struct cw_fork_ticket number_unseen_fork(struct cw_map *map)
{
	struct cw_fork_ticket ticket = {.t = cw_now()};

	if (map)
		ticket.seq = add_record(map, (struct cw_fork){.t = ticket.t});
	return ticket;
}

/*
 * The record of the fork that made this child, which returns from no call of ours: clone() started
 * it elsewhere, or a handler of pthread_atfork() runs in it.  The thread that forked it was called
 * as this one still seems to be.  It goes from one fork to the next, so the record is the one with
 * our number, or else the only one that has none yet.  The first process of a pid namespace has
 * another number in its parent's, so it takes the latest (pid_namespaces(7)).
 */
static struct cw_fork *find_pending(struct cw_map *map)
{
	uint32_t forks = map ? (uint32_t)__atomic_load_n(&map->header->forks, __ATOMIC_RELAXED) : 0;
	pid_t pid = cw_process_id_ask();
	struct cw_fork *pending = NULL;

	for (uint32_t i = 0; i < forks && i < FORKS_LOOKED_AT; i++) {
		struct cw_fork *fork = find_record(map, forks - i);

		if (!fork || fork->tid != (uint32_t)cw_thread.tid)
			continue;
		if (fork->pid == pid || pid == 1)
			return fork;
		if (fork->pid == CW_FORK_PENDING && !pending)
			pending = fork;
	}
	return pending;
}

static void check_for_unseen_fork(void)
{
	struct cw_map *map;
	struct cw_fork_ticket ticket;
	const struct cw_fork *fork;

	if (cw_process_id() != 0)
		return;
	map = cw_session_own();
	fork = find_pending(map);
	ticket = fork ? (struct cw_fork_ticket){.seq = fork->seq, .t = fork->t}
		      : number_unseen_fork(map);
	cw_libunwind_fork_after(true);
	become_child(ticket.seq, ticket.t);
}

bool cw_forks_check(void)
{
	if (!cw_may_record())
		return false;
	check_for_unseen_fork();
	return cw_is_ready;
}

void cw_before_exec(unsigned int fn)
{
	struct cw_map *map;
	struct cw_fork *fork;

	if (!cw_forks_may_record())
		return;
	map = cw_session_own();
	if (map) {
		map->header->executed = cw_mark_here(map, fn);
		cw_session_end(CW_END_EXEC, 0, false);
		return;
	}
	fork = find_record(cw_session_family(), own_fork_seq);
	if (fork) {
		fork->exec_stack = cw_stack_here(cw_session_family());
		fork->state = CW_FORK_EXECED;
	}
}

int cw_on_exec_failed(int ret)
{
	struct cw_map *map;
	struct cw_fork *fork;

	if (!cw_may_record())
		return ret;
	map = cw_session_own();
	if (map && map->header->end == CW_END_EXEC) {
		map->header->executed = (struct cw_mark){0};
		cw_session_end(CW_END_NONE, 0, false);
	}
	fork = find_record(cw_session_family(), own_fork_seq);
	if (fork && fork->state == CW_FORK_EXECED)
		fork->state = CW_FORK_RUNNING;
	return ret;
}

void cw_forks_note_dup(void)
{
	struct cw_fork *fork =
		cw_session_own() ? NULL : find_record(cw_session_family(), own_fork_seq);

	if (fork && !fork->dup_stack)
		fork->dup_stack = cw_stack_here(cw_session_family());
}

void cw_forks_note_exit(void)
{
	struct cw_fork *fork = find_record(cw_session_family(), own_fork_seq);

	if (fork)
		__atomic_store_n(&fork->state, CW_FORK_EXITED, __ATOMIC_RELAXED);
}

int cw_forks_any_child_alive(void)
{
	struct cw_map *map = cw_session_own();
	uint64_t forks = map ? map->header->forks : 0;

	for (uint64_t i = 0; i < forks && i < CW_FORKS && !cw_is_sandboxed; i++) {
		struct cw_fork *fork = cw_session_peek(map, CW_SECTION_FORKS, (uint32_t)i);

		if (fork && fork->pid > 0 && fork->state != CW_FORK_EXITED &&
		    cw_raw(SYS_kill, fork->pid, 0) == 0)
			return 1;
	}
	return 0;
}
