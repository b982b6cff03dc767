/* SPDX-License-Identifier: MIT */
/*
 * Entry to exit, by every way that a program takes itself: return from main, exit, quick_exit,
 * _exit, _Exit.  The state is taken there and not in a destructor, because C++ destructors and
 * interpreters close what the program had forgotten.  Deadly signals come through signal.c.
 */
#include "trigger/exit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/options.h"
#include "core/export.h"
#include "core/raw.h"
#include "core/real.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "core/thread.h"
#include "track/events.h"
#include "track/executed.h"
#include "track/forks.h"
#include "track/inherited.h"
#include "track/session.h"
#include "trigger/report.h"

#include "core/poison.h"

/* The process in which the end has begun or is complete; a forked child starts afresh. */
static CW_FORKED _Atomic pid_t begun_in, ended_in;
static CW_FORKED enum cw_end end_how;
static CW_FORKED int end_status;
static CW_FORKED bool is_failing;

/* A forked child without a session has nothing to report; not to ask spares it pages. */
static bool may_have_report(void)
{
	return cw_session_own() || !cw_session_family();
}

static void enter(bool is_sudden)
{
	struct cw_map *map = cw_session_own();

	if (map) {
		if (is_sudden)
			map->header->flags |= CW_SESSION_SUDDEN;
		map->header->t_exit = cw_now();
	}
	cw_session_tell_again();
	is_failing = may_have_report() && cw_report_begin_exit() > 0;
	cw_events_enter_exit();
}

static int begin_how(enum cw_end how, int status, bool is_sudden)
{
	pid_t pid;

	if (!cw_forks_may_record())
		return status;
	pid = cw_process_id();
	if (atomic_exchange(&begun_in, pid) != pid)
		enter(is_sudden);
	end_how = how;
	end_status = status;
	if (is_failing && how == CW_END_EXITED && cw_options.exitcode.number)
		end_status = (int)cw_options.exitcode.number;
	return end_status;
}

int cw_exit_begin(enum cw_end how, int status)
{
	return begin_how(how, status, false);
}

void cw_exit_begin_suddenly(int number)
{
	begin_how(CW_END_SIGNALED, number, true);
}

bool cw_exit_has_begun(void)
{
	return cw_process_id() == atomic_load(&begun_in);
}

/* A shell that started a program in the background has nothing to tell that /proc does not. */
static bool has_children_to_tell_of(void)
{
	return cw_forks_any_child_alive() && !cw_executed_is_all();
}

static bool has_something_to_tell(const struct cw_session_header *header)
{
	return cw_report_has_found() || header->off || has_children_to_tell_of();
}

static void say_clean(void)
{
	if (cw_options.verbose.number && !cw_report_has_found())
		cw_message("no leak found", NULL);
}

void cw_exit_end(void)
{
	struct cw_map *map;
	bool is_removed;

	if (!cw_may_record() || !cw_exit_has_begun() ||
	    atomic_exchange(&ended_in, cw_process_id()) == cw_process_id())
		return;
	cw_forks_note_exit();
	if (may_have_report())
		cw_report_finish_exit();
	map = cw_session_own();
	say_clean();
	if (!map)
		return;
	/* In a sandbox no file is removed. */
	is_removed = !cw_is_sandboxed && !has_something_to_tell(map->header);
	if (is_removed)
		cw_inherited_fold(map);
	cw_session_end(end_how, end_status, is_removed);
}

/* exit() runs handlers and destructors in between; ours is the last (see init.c). */
static int begin(int status)
{
	return cw_exit_begin(CW_END_EXITED, status);
}

static int begin_and_end(int status)
{
	status = begin(status);
	cw_exit_end();
	return status;
}

CW_EXPORT void exit(int status)
{
	CW_REAL(exit)(begin(status));
	__builtin_unreachable();
}

CW_EXPORT void quick_exit(int status)
{
	CW_REAL(quick_exit)(begin(status));
	__builtin_unreachable();
}

/* The last step is a plain system call: exit_group(2), as in libc. */
static void leave(int status)
{
	for (;;)
		cw_raw(SYS_exit_group, status);
}

CW_EXPORT void _exit(int status)
{
	leave(begin_and_end(status));
	__builtin_unreachable();
}

CW_EXPORT void _Exit(int status)
{
	leave(begin_and_end(status));
	__builtin_unreachable();
}

static int (*real_main)(int, char **, char **);

static int wrapped_main(int argc, char **argv, char **envp)
{
	return begin(real_main(argc, argv, envp));
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

/* Return from main does not go through the symbol exit, so main itself is wrapped. */
CW_EXPORT int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
				void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
				void *stack_end)
{
	real_main = main;
	return CW_REAL(__libc_start_main)(wrapped_main, argc, argv, init, fini, rtld_fini,
					  stack_end);
}
