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
#include "core/export.h"
#include "core/raw.h"
#include "core/real.h"
#include "core/sandbox.h"
#include "core/thread.h"
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

void cw_signal_give_back_deadly(void)
{
	for (size_t i = 1; i < GUARDED; i++) {
		if (!guarded[i].is_ours)
			continue;
		guarded[i].is_ours = false;
		real_sigaction(guarded[i].number, &guarded[i].shown_action, NULL);
	}
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
	return signal && !cw_is_sandboxed &&
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

CW_EXPORT int __sigaction(int number, const struct sigaction *new, struct sigaction *ret_old);
CW_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);
CW_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler);

CW_EXPORT int sigaction(int number, const struct sigaction *new, struct sigaction *ret_old)
{
	return set_action(number, new, ret_old);
}

CW_EXPORT int __sigaction(int number, const struct sigaction *new, struct sigaction *ret_old)
{
	return set_action(number, new, ret_old);
}

static bool is_ours_to_answer(int number, sighandler_t handler)
{
	return cw_is_ready && is_watched(find(number)) && handler != SIG_ERR && handler != SIG_HOLD;
}

static sighandler_t set_handler(int number, sighandler_t handler, int flags)
{
	struct sigaction new = {.sa_handler = handler, .sa_flags = flags}, old;

	sigemptyset(&new.sa_mask);
	if (flags & SA_RESTART)
		sigaddset(&new.sa_mask, number);
	return set_action(number, &new, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* BSD semantics, as glibc's signal(): calls are restarted and the signal is blocked in its handler.
 */
static sighandler_t set_bsd(int number, sighandler_t handler,
			    sighandler_t (*real)(int, sighandler_t))
{
	if (!is_ours_to_answer(number, handler))
		return real(number, handler);
	return set_handler(number, handler, SA_RESTART);
}

/* System V semantics: once, not blocked, calls are interrupted (sysv_signal(3)). */
static sighandler_t set_sysv(int number, sighandler_t handler,
			     sighandler_t (*real)(int, sighandler_t))
{
	if (!is_ours_to_answer(number, handler))
		return real(number, handler);
	return set_handler(number, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

CW_EXPORT sighandler_t signal(int number, sighandler_t handler)
{
	return set_bsd(number, handler, CW_REAL(signal));
}

CW_EXPORT sighandler_t bsd_signal(int number, sighandler_t handler)
{
	return set_bsd(number, handler, CW_REAL(bsd_signal));
}

CW_EXPORT sighandler_t ssignal(int number, sighandler_t handler)
{
	return set_bsd(number, handler, CW_REAL(ssignal));
}

CW_EXPORT sighandler_t sysv_signal(int number, sighandler_t handler)
{
	return set_sysv(number, handler, CW_REAL(sysv_signal));
}

CW_EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler)
{
	return set_sysv(number, handler, CW_REAL(__sysv_signal));
}

/* sigset(3): also unblocks the signal, and says SIG_HOLD if it was blocked. */
CW_EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
	sigset_t one, before;
	sighandler_t old;

	if (!is_ours_to_answer(number, handler))
		return CW_REAL(sigset)(number, handler);
	old = set_handler(number, handler, 0);
	sigemptyset(&one);
	sigaddset(&one, number);
	if (old == SIG_ERR || CW_REAL(sigprocmask)(SIG_UNBLOCK, &one, &before) != 0)
		return SIG_ERR;
	return sigismember(&before, number) ? SIG_HOLD : old;
}

CW_EXPORT int sigignore(int number)
{
	if (!is_ours_to_answer(number, SIG_IGN))
		return CW_REAL(sigignore)(number);
	return set_handler(number, SIG_IGN, 0) == SIG_ERR ? -1 : 0;
}

/*
 * Hosts that block all signals in all threads would never be asked for a report: while the report
 * signal is ours, it is left out of what they block.
 */
static const sigset_t *without_report(int how, const sigset_t *set, sigset_t *copy)
{
	if (!cw_is_ready || !set || how == SIG_UNBLOCK || !guarded[0].is_ours ||
	    sigismember(set, guarded[0].number) != 1)
		return set;
	*copy = *set;
	sigdelset(copy, guarded[0].number);
	return copy;
}

CW_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *ret_old)
{
	sigset_t copy;

	return CW_REAL(sigprocmask)(how, without_report(how, set, &copy), ret_old);
}

CW_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *ret_old)
{
	sigset_t copy;

	return CW_REAL(pthread_sigmask)(how, without_report(how, set, &copy), ret_old);
}
