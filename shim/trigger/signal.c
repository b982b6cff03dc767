/* SPDX-License-Identifier: MIT */
/*
 * Four signals may carry a handler of ours, only where the host's action is the default.  The host
 * is never told: sigaction() and signal() show it what it set, and whatever it sets replaces ours,
 * until it sets the default again.  A deadly signal still kills the process, by that very signal.
 *
 * The state of a signal here is written only by the host's own calls that change it, and by
 * initialization; two threads that set the same signal at once race in the host as well.
 */
#include "trigger/signal.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/options.h"
#include "core/raw.h"
#include "core/real.h"
#include "core/thread.h"
#include "interpose/interpose.h"
#include "trigger/exit.h"
#include "trigger/report.h"

#include "core/poison.h"

struct guarded {
	int number; /* 0: unused */
	bool is_report;
	bool is_ours;		       /* our handler is installed */
	struct sigaction shown_action; /* what the host believes to be set, while ours is */
};

static struct guarded guarded[] = {
	{.is_report = true}, {.number = SIGTERM}, {.number = SIGINT}, {.number = SIGHUP}};

#define GUARDED (sizeof(guarded) / sizeof(guarded[0]))

static struct guarded *find(int number)
{
	for (size_t i = 0; i < GUARDED; i++)
		if (number && guarded[i].number == number)
			return &guarded[i];
	return NULL;
}

static int real_sigaction(int number, const struct sigaction *new, struct sigaction *ret_old)
{
	return CW_REAL(sigaction)(number, new, ret_old);
}

static void on_report(int number, siginfo_t *info, void *context)
{
	cw_report_now(CW_REASON_SIGNAL);
}

/* Dies of the signal as if we had never been here.  Process 1 of a container may survive it. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
	struct sigaction ours, fall = {.sa_handler = SIG_DFL};
	uint64_t bit = 1ull << (number - 1);

	cw_exit_begin(CW_END_SIGNALED, number);
	cw_exit_end();
	real_sigaction(number, &fall, &ours);
	cw_raw(SYS_tgkill, cw_process_id(), cw_raw(SYS_gettid), number);
	cw_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, 8);
	real_sigaction(number, &ours, NULL);
}

/* SA_ONSTACK: runtimes with small stacks demand it of every handler. */
static void install(struct guarded *signal)
{
	struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

	ours.sa_sigaction = signal->is_report ? on_report : on_deadly;
	if (signal->is_report)
		sigfillset(&ours.sa_mask);
	if (real_sigaction(signal->number, &ours, NULL) == 0)
		signal->is_ours = true;
}

static void take(struct guarded *signal)
{
	struct sigaction present;

	if (!signal->number || signal->is_ours ||
	    real_sigaction(signal->number, NULL, &present) != 0 || present.sa_flags & SA_SIGINFO ||
	    present.sa_handler != SIG_DFL)
		return;
	signal->shown_action = present;
	install(signal);
}

void cw_signal_init(void)
{
	guarded[0].number = (int)cw_options.signal.number;
	take(&guarded[0]);
}

void cw_signal_take_deadly(void)
{
	if (!cw_options.at_exit.number && !*cw_options.notify.text)
		return;
	for (size_t i = 1; i < GUARDED; i++)
		if (guarded[i].number != guarded[0].number)
			take(&guarded[i]);
}

static bool is_default(const struct sigaction *action)
{
	return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL;
}

static int set_while_ours(struct guarded *signal, const struct sigaction *new,
			  struct sigaction *ret_old)
{
	struct sigaction shown = signal->shown_action;

	if (new &&is_default(new)) {
		signal->shown_action = *new;
	} else if (new) {
		if (real_sigaction(signal->number, new, NULL) != 0)
			return -1;
		signal->is_ours = false;
	}
	if (ret_old)
		*ret_old = shown;
	return 0;
}

/* The host gives a signal that was its own back to the default. */
static int set_default(struct guarded *signal, const struct sigaction *new,
		       struct sigaction *ret_old)
{
	if (real_sigaction(signal->number, new, ret_old) != 0)
		return -1;
	signal->shown_action = *new;
	install(signal);
	return 0;
}

static bool is_watched(const struct guarded *signal)
{
	return signal &&
	       (signal->is_report || cw_options.at_exit.number || *cw_options.notify.text);
}

static int set_action(int number, const struct sigaction *new, struct sigaction *ret_old)
{
	struct guarded *signal = cw_is_ready ? find(number) : NULL;

	if (!is_watched(signal))
		return real_sigaction(number, new, ret_old);
	if (signal->is_ours)
		return set_while_ours(signal, new, ret_old);
	if (new &&is_default(new))
		return set_default(signal, new, ret_old);
	return real_sigaction(number, new, ret_old);
}

CW_EXPORT int sigaction(int number, const struct sigaction *new, struct sigaction *ret_old)
{
	return set_action(number, new, ret_old);
}

/* BSD semantics, as glibc's: calls are restarted and the signal stays blocked in its handler. */
CW_EXPORT sighandler_t signal(int number, sighandler_t handler)
{
	struct sigaction new = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;

	if (!cw_is_ready || !is_watched(find(number)) || handler == SIG_ERR)
		return CW_REAL(signal)(number, handler);
	sigemptyset(&new.sa_mask);
	sigaddset(&new.sa_mask, number);
	return set_action(number, &new, &old) == 0 ? old.sa_handler : SIG_ERR;
}
