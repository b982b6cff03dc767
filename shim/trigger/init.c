/* SPDX-License-Identifier: MIT */
/*
 * The library's constructor and destructor.  The constructor does all that is not
 * async-signal-safe: dlsym, dlopen, reading the environment.  The destructor of a preloaded library
 * runs after those of the program and of all other libraries, so it is the last moment of an
 * exit().
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/libunwind.h"
#include "core/options.h"
#include "core/real.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/notify.h"
#include "track/session.h"
#include "track/storage.h"
#include "track/executed.h"
#include "track/threshold.h"
#include "trigger/exit.h"
#include "trigger/report.h"
#include "trigger/signal.h"
#include "trigger/spawn.h"
#include "trigger/teardown.h"

#include "core/poison.h"

/*
 * Before the filter is on.  The handlers of deadly signals go, because they end in system calls
 * that it may forbid.  Who has no session yet, or is a child that shares one, records in its memory
 * from now on.
 */
static void enter_sandbox(void)
{
	if (!cw_session_own())
		cw_notify_memory();
	cw_signal_give_back_deadly();
	cw_session_enter_sandbox();
}

static void leave_sandbox(void)
{
	cw_session_leave_sandbox();
	if (cw_session_own())
		cw_signal_take_deadly();
}

/* A filter was there first: records are kept in memory, for a report from outside. */
static void start_in_sandbox(void)
{
	cw_notify_filtered();
	cw_process_id_renew();
	cw_unwind_init((enum cw_unwinder)cw_options.unwind.number);
	dlerror();
	cw_is_ready = true;
}

/* A session was made, in this process or in a forked child. */
static void be_born(void)
{
	cw_signal_take_deadly();
	cw_libunwind_permit();
}

static void report_by_itself(void)
{
	cw_report_now(CW_REASON_THRESHOLD);
}

/*
 * Was another copy of this library loaded before, as from a build beside an installed one?  It does
 * the work, and this one only hands on its calls: both would count each socket, and each would take
 * the other's reporter and handlers for the host's.
 */
static bool is_second_copy(void)
{
	static const char name[] = "/libcwshim.so";
	const void *first = dlsym(RTLD_DEFAULT, cw_fn_name(CW_FN_epoll_ctl));
	Dl_info theirs, ours;
	size_t length;

	if (!first || !dladdr(first, &theirs) || !dladdr(name, &ours) || !theirs.dli_fname)
		return false;
	length = cw_strlen(theirs.dli_fname);
	return theirs.dli_fbase != ours.dli_fbase && length >= sizeof(name) - 1 &&
	       cw_streq(theirs.dli_fname + length - (sizeof(name) - 1), name);
}

__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
	cw_real_init();
	if (is_second_copy()) {
		dlerror();
		return;
	}
	cw_options_init(getenv("CWSHIM_OPTIONS"));
	cw_sandbox_init((enum cw_filter)cw_options.seccomp.number, cw_options.filters.number);
	if (cw_is_sandboxed) {
		start_in_sandbox();
		return;
	}
	cw_process_id_init();
	cw_process_id_renew();
	cw_unwind_init((enum cw_unwinder)cw_options.unwind.number);
	cw_storage_init(getenv("XDG_RUNTIME_DIR"));
	cw_spawn_init(envp);
	cw_session_on_birth(be_born);
	cw_libunwind_permit();
	cw_threshold_init((uint32_t)cw_options.report_at.number, report_by_itself);
	cw_sandbox_on_change(enter_sandbox, leave_sandbox);
	at_quick_exit(cw_exit_end);
	cw_teardown_init();
	cw_executed_remember();
	dlerror(); /* what we did not find is no news for the host's own dlerror(3) */
	cw_is_ready = true;
	cw_signal_init();
	if (cw_options.verbose.number)
		cw_message("recording is on", NULL);
}

__attribute__((destructor)) static void stop(void)
{
	/* The last thread to end by pthread_exit takes the process with it, through no symbol of
	 * ours. */
	if (!cw_exit_has_begun())
		cw_exit_begin(CW_END_EXITED, 0);
	cw_exit_end();
}
