/* SPDX-License-Identifier: MIT */
/*
 * Four signals may carry a handler of ours, only where the host's action is the default.  The host
 * is never told: sigaction() and signal() show it what it set, and whatever it sets replaces ours,
 * until it sets the default again.  A deadly signal still kills the process, by that very signal.
 *
 * A handler of the host's that is to be reset when it is called (SA_RESETHAND) is called by us,
 * because the kernel's reset would lose us the default action that follows: node ends by raising
 * again.
 *
 * The state of a signal here is written only by the host's own calls that change it, and by
 * initialization; two threads that set the same signal at once race in the host as well.
 */
#include "trigger/signal.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "core/altstack.h"
#include "core/options.h"
#include "core/export.h"
#include "core/raw.h"
#include "core/real.h"
#include "core/sandbox.h"
#include "core/thread.h"
#include "core/walk.h"
#include "track/session.h"
#include "trigger/exit.h"
#include "trigger/report.h"

#include "core/poison.h"

enum { KERNEL_SET = _NSIG / 8 }; /* bytes of a sigset_t that the kernel reads */

enum owner {
	HOST, /* what the host set is installed */
	OURS, /* the host believes in the default; ours is installed */
	ONCE, /* a handler of the host's with SA_RESETHAND, called through ours */
};

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000 /* of no header of libc; where it is not used, it is in no flags */
#endif

struct guarded {
	int number; /* 0: unused */
	bool is_report;
	enum owner owner;
	bool was_handled; /* the host has had a handler, which may have wound up before it ends */
	struct sigaction shown_action; /* OURS, ONCE: what the host believes to be set */
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

static void report(int reason)
{
	cw_report_now((enum cw_reason)reason);
}

static void on_report(int number, siginfo_t *info, void *context)
{
	cw_altstack_run(report, CW_REASON_SIGNAL);
}

/* Another signal that kills still does: who sends a second one does not want to wait. */
static void unblock_deadly(void)
{
	uint64_t deadly = 0;

	for (size_t i = 1; i < GUARDED; i++)
		if (guarded[i].owner == OURS)
			deadly |= 1ull << (guarded[i].number - 1);
	cw_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &deadly, NULL, 8);
}

/*
 * Dies of the signal as if we had never been here.  Process 1 of a container may survive it.  No
 * handler of the host's runs in this thread any more: it could leave by longjmp(), and the host
 * would live on.
 */
static void die(int number)
{
	struct sigaction ours, fall = {.sa_handler = SIG_DFL};
	uint64_t bit = 1ull << (number - 1);

	unblock_deadly();
	if (find(number)->was_handled)
		cw_exit_begin(CW_END_SIGNALED, number);
	else
		cw_exit_begin_suddenly(number);
	cw_exit_end();
	real_sigaction(number, &fall, &ours);
	cw_raw(SYS_tgkill, cw_process_id(), cw_raw(SYS_gettid), number);
	cw_raw(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, 8);
	real_sigaction(number, &ours, NULL);
}

static void on_deadly(int number, siginfo_t *info, void *context)
{
	cw_altstack_run(die, number);
}

/* The kernel looks at the handler alone, kernel/signal.c: PHP sets the default with SA_SIGINFO. */
static bool is_default(const struct sigaction *action)
{
	return action->sa_handler == SIG_DFL;
}

static bool is_once(const struct sigaction *action)
{
	return action->sa_flags & (int)SA_RESETHAND && action->sa_handler != SIG_DFL &&
	       action->sa_handler != SIG_IGN;
}

static void on_once(int number, siginfo_t *info, void *context);

/* Installs the handler of ours that shown_action asks for.  Runtimes with small stacks want
 * SA_ONSTACK. */
static void install(struct guarded *signal)
{
	struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	bool once = is_once(&signal->shown_action);

	if (once) {
		ours = signal->shown_action;
		ours.sa_flags = (ours.sa_flags & ~(int)SA_RESETHAND) | SA_SIGINFO;
		ours.sa_sigaction = on_once;
	} else {
		ours.sa_sigaction = signal->is_report ? on_report : on_deadly;
		sigfillset(&ours.sa_mask);
	}
	if (real_sigaction(signal->number, &ours, NULL) == 0)
		signal->owner = once ? ONCE : OURS;
}

/*
 * What sigaction(2) would show after this was set: libc adds where handlers return to (SA_RESTORER,
 * on some architectures), and the kernel takes out of the mask what cannot be blocked.
 */
static void complete_shown(struct guarded *signal)
{
	struct sigaction installed, *shown = &signal->shown_action;

	sigdelset(&shown->sa_mask, SIGKILL);
	sigdelset(&shown->sa_mask, SIGSTOP);
	if (real_sigaction(signal->number, NULL, &installed) != 0)
		return;
	shown->sa_restorer = installed.sa_restorer;
	shown->sa_flags |= installed.sa_flags & SA_RESTORER;
}

/* As the kernel does it: the default is set, then the handler is called. */
static void on_once(int number, siginfo_t *info, void *context)
{
	struct guarded *signal = find(number);
	struct sigaction host = signal->shown_action;

	signal->was_handled = true;
	signal->shown_action = (struct sigaction){.sa_handler = SIG_DFL};
	install(signal);
	if (host.sa_flags & SA_SIGINFO)
		host.sa_sigaction(number, info, context);
	else
		host.sa_handler(number);
}

/* Takes over what is set now, if that needs us. */
static void take(struct guarded *signal)
{
	struct sigaction present;

	if (!signal->number || signal->owner != HOST ||
	    real_sigaction(signal->number, NULL, &present) != 0 ||
	    (!is_default(&present) && !is_once(&present)))
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
		if (guarded[i].owner == HOST)
			continue;
		guarded[i].owner = HOST;
		real_sigaction(guarded[i].number, &guarded[i].shown_action, NULL);
	}
}

/* Deadly signals matter only to a process with something to report. */
static bool is_watched(const struct guarded *signal)
{
	if (!signal || cw_is_sandboxed)
		return false;
	if (signal->is_report || signal->owner != HOST)
		return true;
	return (cw_options.at_exit.number || *cw_options.notify.text) && cw_session_own();
}

/* What the host sees as set. */
static int get_action(const struct guarded *signal, struct sigaction *ret_action)
{
	if (signal->owner == HOST)
		return real_sigaction(signal->number, NULL, ret_action);
	*ret_action = signal->shown_action;
	return 0;
}

static int set_action(int number, const struct sigaction *new, struct sigaction *ret_old)
{
	struct guarded *signal = cw_is_ready ? find(number) : NULL;
	struct sigaction old;

	if (!is_watched(signal))
		return real_sigaction(number, new, ret_old);
	if (get_action(signal, &old) != 0)
		return -1;
	signal->was_handled |= old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN;
	if (new && (is_default(new) || is_once(new))) {
		signal->shown_action = *new;
		install(signal);
		complete_shown(signal);
	} else if (new) {
		if (real_sigaction(number, new, NULL) != 0)
			return -1;
		signal->owner = HOST;
	}
	if (ret_old)
		*ret_old = old;
	return 0;
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
	return cw_is_ready && is_watched(find(number)) && handler != SIG_ERR;
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

/* sigset(3) with SIG_HOLD: sets nothing, and says what is set. */
static sighandler_t hold(int number)
{
	const struct guarded *signal = cw_is_ready ? find(number) : NULL;
	sighandler_t old = CW_REAL(sigset)(number, SIG_HOLD);

	if (!signal || signal->owner == HOST || old == SIG_ERR || old == SIG_HOLD)
		return old;
	return signal->shown_action.sa_handler;
}

/* sigset(3): also unblocks the signal, and says SIG_HOLD if it was blocked. */
CW_EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
	sigset_t one, before;
	sighandler_t old;

	if (handler == SIG_HOLD)
		return hold(number);
	if (!cw_is_ready || !is_watched(find(number)))
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
	struct sigaction new = {.sa_handler = SIG_IGN};

	if (!is_ours_to_answer(number, SIG_IGN))
		return CW_REAL(sigignore)(number);
	return set_action(number, &new, NULL);
}

/*
 * Hosts that block all signals in all threads, or wait for any, would never be asked for a report:
 * while the report signal is ours, it is left out of what they block and wait for.  Only what the
 * kernel reads of a set is read: some programs have no more of it (sigprocmask(2), "C
 * library/kernel differences").
 */
static const sigset_t *without_report(const sigset_t *set, sigset_t *copy)
{
	if (!cw_is_ready || !set || guarded[0].owner == HOST ||
	    sigismember(set, guarded[0].number) != 1)
		return set;
	sigemptyset(copy);
	__builtin_memcpy(copy, set, KERNEL_SET);
	sigdelset(copy, guarded[0].number);
	return copy;
}

/* These only hand the set to the kernel, which answers EFAULT where the shim would crash. */
static const sigset_t *to_wait_for(const sigset_t *set, sigset_t *copy)
{
	const char *bytes = (const char *)set;

	if (cw_is_sandboxed || !cw_walk_is_readable(bytes) ||
	    !cw_walk_is_readable(bytes + KERNEL_SET - 1))
		return set;
	return without_report(set, copy);
}

static const sigset_t *to_block(int how, const sigset_t *set, sigset_t *copy)
{
	return how == SIG_UNBLOCK ? set : without_report(set, copy);
}

CW_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *ret_old)
{
	sigset_t copy;

	return CW_REAL(sigprocmask)(how, to_block(how, set, &copy), ret_old);
}

CW_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *ret_old)
{
	sigset_t copy;

	return CW_REAL(pthread_sigmask)(how, to_block(how, set, &copy), ret_old);
}

CW_EXPORT int sigwait(const sigset_t *set, int *ret_number)
{
	sigset_t copy;

	return CW_REAL(sigwait)(to_wait_for(set, &copy), ret_number);
}

CW_EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *ret_info)
{
	sigset_t copy;

	return CW_REAL(sigwaitinfo)(to_wait_for(set, &copy), ret_info);
}

CW_EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *ret_info, const struct timespec *timeout)
{
	sigset_t copy;

	return CW_REAL(sigtimedwait)(to_wait_for(set, &copy), ret_info, timeout);
}

CW_EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t copy;

	return CW_REAL(signalfd)(fd, to_wait_for(set, &copy), flags);
}
