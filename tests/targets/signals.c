/* SPDX-License-Identifier: MIT */
/*
 * How a process with a leak ends by a signal, and what sigaction() tells it meanwhile.
 *
 *     signals default SIGNAL   does nothing about the signal and holds; the test sends it
 *     signals reset SIGNAL     handles it; its handler sets the default back by signal() and
 *                              raises it again, as node does
 *     signals reset_sigaction SIGNAL
 *                              the same by sigaction()
 *     signals reset_siginfo SIGNAL
 *                              the same with SA_SIGINFO, as PHP does
 *     signals once SIGNAL      its handler is reset by the kernel (SA_RESETHAND) and raises it
 * again signals ignore SIGNAL    ignores it: it must not end, nor report signals handle SIGNAL
 * handles it and goes on
 */
#include "target.h"

static volatile sig_atomic_t arrived;

static void leak_one(void)
{
	int listener = target_listen(0), fd;
	char text[16];
	pid_t clients = target_start_clients(target_port(listener), 1, TARGET_DROP);

	MARK_NEXT(created);
	fd = accept(listener, NULL, NULL);
	TARGET_CHECK(fd >= 0);
	do
		MARK_NEXT(eof);
	while (read(fd, text, sizeof(text)) > 0);
	target_end_clients(clients);
}

static void on_signal(int number)
{
	arrived = 1;
	TARGET_CHECK(write(STDOUT_FILENO, "CAUGHT\n", 7) == 7);
}

static void on_signal_reset(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static void on_signal_reset_sigaction(int number)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	sigaction(number, &action, NULL);
	raise(number);
}

static void on_signal_reset_siginfo(int number)
{
	struct sigaction action, shown;

	memset(&action, 0, sizeof(action));
	action.sa_flags = SA_SIGINFO;
	sigaction(number, &action, NULL);
	TARGET_CHECK(sigaction(number, NULL, &shown) == 0 && shown.sa_handler == SIG_DFL &&
		     shown.sa_flags & SA_SIGINFO);
	raise(number);
}

static void on_signal_once(int number)
{
	struct sigaction action;

	TARGET_CHECK(sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	raise(number);
}

static const struct {
	const char *name;
	void (*handler)(int);
	int flags;
} manners[] = {
	{"reset", on_signal_reset, SA_RESTART},
	{"reset_sigaction", on_signal_reset_sigaction, SA_RESTART},
	{"reset_siginfo", on_signal_reset_siginfo, SA_RESTART},
	{"once", on_signal_once, (int)SA_RESETHAND},
	{"ignore", SIG_IGN, SA_RESTART},
	{"handle", on_signal, SA_RESTART},
};

enum { MANNERS = sizeof(manners) / sizeof(manners[0]) };

static const char *name_action(void (*handler)(int))
{
	if (handler == SIG_DFL)
		return "default";
	if (handler == SIG_IGN)
		return "ignore";
	for (int i = 0; i < MANNERS; i++)
		if (handler == manners[i].handler)
			return "own";
	return "foreign";
}

static void set_action(int number, void (*handler)(int), int flags)
{
	struct sigaction action, old;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = flags;
	TARGET_CHECK(sigaction(number, &action, &old) == 0);
	printf("BEFORE %s\n", name_action(old.sa_handler));
}

static void print_action(int number)
{
	struct sigaction action;

	TARGET_CHECK(sigaction(number, NULL, &action) == 0);
	printf("ACTION %s flags %x\n", name_action(action.sa_handler),
	       (unsigned int)(action.sa_flags & (SA_SIGINFO | SA_RESETHAND | SA_ONSTACK)));
}

int main(int argc, char **argv)
{
	int number;

	target_begin();
	TARGET_CHECK(argc == 3);
	number = atoi(argv[2]);
	target_expect("eof-read-not-closed", "leak", 1);
	leak_one();
	/* As node does: nothing that is started may have its standard error. */
	fcntl(STDERR_FILENO, F_SETFD, FD_CLOEXEC);
	for (int i = 0; i < MANNERS; i++)
		if (strcmp(argv[1], manners[i].name) == 0)
			set_action(number, manners[i].handler, manners[i].flags);
	print_action(number);
	target_hold();
	printf("ARRIVED %d\n", (int)arrived);
	return 7;
}
