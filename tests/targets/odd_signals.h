/* SPDX-License-Identifier: MIT */
/*
 * For odd_calls.c: calls about signals.  That the signal which asks for a report is never blocked
 * is meant so, and left out of what is said.
 */
#ifndef CWSHIM_ODD_SIGNALS_H
#define CWSHIM_ODD_SIGNALS_H

#include "odd_values.h"

#include <sys/signalfd.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* what is old is called, too */

int __sigaction(int number, const struct sigaction *new, struct sigaction *ret_old);
sighandler_t bsd_signal(int number, sighandler_t handler);
sighandler_t __sysv_signal(int number, sighandler_t handler);

static void on_odd(int number)
{
	(void)number;
}

static void on_odd_info(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info, (void)context;
}

static const char *name_of(sighandler_t handler)
{
	if (handler == SIG_DFL)
		return "default";
	if (handler == SIG_IGN)
		return "ignore";
	if (handler == SIG_ERR)
		return "error";
	if (handler == SIG_HOLD)
		return "hold";
	return handler == on_odd || (void *)handler == (void *)on_odd_info ? "host's" : "strange";
}

static int some_signal(void)
{
	return PICK(SIGTERM, SIGINT, SIGHUP, SIGRTMAX - 3, SIGRTMAX - 3, SIGUSR1, 0, -1, SIGKILL,
		    64, 65, 32, 1000);
}

/* The first word is all that the kernel has. */
static uint64_t word_of(const sigset_t *set)
{
	uint64_t word;

	memcpy(&word, set, sizeof(word));
	return word;
}

static void set_word(sigset_t *set, uint64_t word)
{
	sigemptyset(set);
	memcpy(set, &word, sizeof(word));
}

static void odd_sigaction(void)
{
	struct sigaction new = {.sa_handler = PICK(SIG_DFL, SIG_DFL, SIG_IGN, on_odd)}, old;
	const struct sigaction *set = roll(4) ? &new : NULL;
	struct sigaction *get = roll(4) ? &old : &new;
	int number = some_signal();
	long ret;

	new.sa_flags = PICK(0, SA_RESTART, (int)SA_RESETHAND, SA_NODEFER, SA_ONSTACK, SA_NOCLDWAIT);
	set_word(&new.sa_mask, PICK(0ull, 1ull, ~0ull));
	if (roll(5) == 0) {
		new.sa_sigaction = on_odd_info;
		new.sa_flags |= SA_SIGINFO;
	}
	ret = roll(2) ? CALL(sigaction, number, set, get) : CALL(__sigaction, number, set, get);
	if (ret == 0)
		say("  %s %x %llx\n", name_of(get->sa_handler), (unsigned int)get->sa_flags,
		    (unsigned long long)word_of(&get->sa_mask));
}

static void odd_signal(void)
{
	static const struct {
		const char *name;
		sighandler_t (*function)(int number, sighandler_t handler);
	} ways[] = {{"signal", signal},
		    {"bsd_signal", bsd_signal},
		    {"ssignal", ssignal},
		    {"sysv_signal", sysv_signal},
		    {"__sysv_signal", __sysv_signal},
		    {"sigset", sigset}};
	size_t way = roll(sizeof(ways) / sizeof(ways[0]));
	int number = some_signal();
	sighandler_t handler = PICK(SIG_DFL, SIG_IGN, on_odd, SIG_HOLD), was;

	/* Elsewhere it is no value that can be given. */
	if (handler == SIG_HOLD && ways[way].function != sigset)
		handler = SIG_DFL;
	errno = ODD_ERRNO;
	was = ways[way].function(number, handler);
	say("%s(%d) = %s %d\n", ways[way].name, number, name_of(was), errno);
}

static void odd_mask(void)
{
	uint64_t report = 1ull << (SIGRTMAX - 3 - 1), none = 0;
	sigset_t new, old;
	int how = PICK(SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK, 77);
	long ret;

	set_word(&new, PICK(0ull, ~0ull, 0x4000ull));
	ret = roll(2) ? CALL(sigprocmask, how, roll(4) ? &new : NULL, &old)
		      : CALL(pthread_sigmask, how, roll(4) ? &new : NULL, &old);
	if (ret == 0)
		say("  %llx\n", (unsigned long long)(word_of(&old) & ~report));
	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof(none));
}

/* Only the kernel looks at these sets; it does so at 8 bytes. */
static void odd_wait(void)
{
	uint64_t *set = some_place(sizeof(*set));
	struct timespec now = {0, roll(4) ? 0 : -5};
	siginfo_t info;

	if (is_usable(set, sizeof(*set)))
		*set = PICK(0ull, ~0ull, 0x4000ull);
	if (roll(2))
		CALL(sigtimedwait, (sigset_t *)set, &info, &now);
	else
		CALL(signalfd, -1, (sigset_t *)set, SFD_NONBLOCK | PICK(0, SFD_CLOEXEC, 77));
}

#endif
