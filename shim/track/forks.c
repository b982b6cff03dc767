/* SPDX-License-Identifier: MIT */
/*
 * A fork costs its parent one record and its child next to nothing: no session is made and no table
 * copied.  The number of the fork tells which sockets it handed down.
 */
#include "track/forks.h"

#include <signal.h>

#include "core/clock.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/session.h"
#include "track/stacks.h"

#include "core/poison.h"

/* The number of the fork that made this process, in the session of the fork's maker. */
static uint32_t own_fork_seq;

static struct cw_fork *record(struct cw_map *map, uint32_t seq)
{
	struct cw_fork *fork = cw_session_entry(map, CW_SECTION_FORKS, (seq - 1) % CW_FORKS);

	return fork;
}

struct cw_fork_ticket cw_before_fork(unsigned int fn)
{
	struct cw_fork_ticket ticket = {0};
	struct cw_map *map;
	struct cw_fork *fork;

	if (!cw_may_record())
		return ticket;
	cw_forks_check();
	map = cw_session_own();
	if (map) {
		uint32_t stack = cw_stack_here(map);

		ticket.t = cw_now();
		ticket.seq = (uint32_t)__atomic_add_fetch(&map->header->forks, 1, __ATOMIC_RELAXED);
		fork = record(map, ticket.seq);
		if (fork)
			*fork = (struct cw_fork){.seq = ticket.seq,
						 .stack = stack,
						 .t = ticket.t,
						 .tid = (uint32_t)cw_thread_id(),
						 .fn = fn};
	}
	cw_unwind_fork_before();
	return ticket;
}

static void set_pid(struct cw_map *map, uint32_t seq, pid_t pid)
{
	struct cw_fork *fork = map && seq ? record(map, seq) : NULL;

	if (fork && fork->seq == seq)
		fork->pid = pid;
}

/* The first thing in a child, whichever call made it. */
static void become_child(uint32_t seq, uint64_t t)
{
	bool had_session = cw_session_own() != NULL;

	cw_process_id_renew();
	cw_session_after_fork(seq, t);
	/* A grandchild of the session's owner has no record there. */
	own_fork_seq = had_session ? seq : 0;
}

void cw_forks_set_child(const struct cw_fork_ticket *ticket, pid_t pid)
{
	if (pid > 0 && cw_may_record())
		set_pid(cw_session_own(), ticket->seq, pid);
}

void cw_on_spawn(const struct cw_fork_ticket *ticket, pid_t pid)
{
	if (!cw_is_ready || cw_thread.in_vfork)
		return;
	cw_unwind_fork_after(false);
	cw_forks_set_child(ticket, pid);
}

pid_t cw_on_fork(const struct cw_fork_ticket *ticket, pid_t ret)
{
	/* The child of an unseen kind of fork is asked for here too, so nothing may be assumed of
	 * it. */
	if (!cw_is_ready || cw_thread.in_vfork)
		return ret;
	cw_unwind_fork_after(ret == 0);
	if (ret == 0 && cw_is_sandboxed) {
		cw_is_ready = false;
	} else if (ret == 0) {
		become_child(ticket->seq, ticket->t);
		set_pid(cw_session_family(), ticket->seq, cw_process_id());
	} else {
		set_pid(cw_session_own(), ticket->seq, ret);
	}
	return ret;
}

void cw_forks_check(void)
{
	struct cw_map *map;
	uint32_t seq = 0;

	if (cw_process_id() != 0)
		return;
	if (cw_is_sandboxed) {
		cw_is_ready = false;
		return;
	}
	map = cw_session_own();
	/* Not one of the counted forks: a number of its own says what it was handed. */
	if (map)
		seq = (uint32_t)__atomic_add_fetch(&map->header->forks, 1, __ATOMIC_RELAXED);
	cw_unwind_fork_after(true);
	cw_thread.forking = 0;
	become_child(seq, cw_now());
	map = cw_session_family();
	if (map && seq) {
		struct cw_fork *fork = record(map, seq);

		if (fork)
			*fork = (struct cw_fork){.seq = seq, .pid = cw_process_id(), .t = cw_now()};
	}
}

void cw_before_exec(unsigned int fn)
{
	struct cw_map *map;

	if (!cw_may_record())
		return;
	cw_forks_check();
	map = cw_session_own();
	if (map) {
		map->header->executed = (struct cw_mark){.t = cw_now(),
							 .stack = cw_stack_here(map),
							 .who = CW_WHO(cw_thread_id(), fn)};
		cw_session_end(CW_END_EXEC, 0, false);
		return;
	}
	map = cw_session_family();
	if (map && own_fork_seq) {
		struct cw_fork *fork = record(map, own_fork_seq);

		if (fork && fork->seq == own_fork_seq) {
			fork->exec_stack = cw_stack_here(map);
			fork->state = CW_FORK_EXECED;
		}
	}
}

int cw_on_exec_failed(int ret)
{
	struct cw_map *map;

	if (!cw_may_record())
		return ret;
	map = cw_session_own();
	if (map && map->header->end == CW_END_EXEC) {
		map->header->executed = (struct cw_mark){0};
		cw_session_end(CW_END_NONE, 0, false);
	}
	map = cw_session_family();
	if (map && own_fork_seq) {
		struct cw_fork *fork = record(map, own_fork_seq);

		if (fork && fork->seq == own_fork_seq && fork->state == CW_FORK_EXECED)
			fork->state = CW_FORK_RUNNING;
	}
	return ret;
}

void cw_forks_note_exit(void)
{
	struct cw_map *map = cw_session_family();
	struct cw_fork *fork = map && own_fork_seq ? record(map, own_fork_seq) : NULL;

	if (fork && fork->seq == own_fork_seq)
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
