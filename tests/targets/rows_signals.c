/* SPDX-License-Identifier: MIT */
/*
 * Functions that set actions of signals, or the mask.  The shim stands behind the default actions
 * of SIGTERM and its like, so it must be told of each change: what sigaction() says afterwards
 * shows whether it was.  And no mask may keep the report signal away.
 */
#include "rows.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/signalfd.h>

extern int __sigaction(int number, const struct sigaction *action, struct sigaction *ret_old);
extern sighandler_t bsd_signal(int number, sighandler_t handler);
extern sighandler_t __sysv_signal(int number, sighandler_t handler);

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* The shim takes the signals over when there is a socket to report on. */
static void use_a_socket(void)
{
	TARGET_CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

/* Says what the action is; the kernel's own may be the shim's. */
static void expect_ignored(void)
{
	struct sigaction action;

	TARGET_CHECK(sigaction(SIGTERM, NULL, &action) == 0);
	puts(action.sa_handler == SIG_IGN ? "ACTION ignored" : "ACTION other");
}

#define ROW_SIGNAL(function)                                         \
	static void row_##function(void)                             \
	{                                                            \
		use_a_socket();                                      \
		TARGET_CHECK(function(SIGTERM, SIG_IGN) == SIG_DFL); \
		expect_ignored();                                    \
	}

ROW_SIGNAL(signal)
ROW_SIGNAL(bsd_signal)
ROW_SIGNAL(ssignal)
ROW_SIGNAL(sysv_signal)
ROW_SIGNAL(__sysv_signal)
ROW_SIGNAL(sigset)

static void row_sigignore(void)
{
	use_a_socket();
	TARGET_CHECK(sigignore(SIGTERM) == 0);
	expect_ignored();
}

#define ROW_SIGACTION(function)                                                      \
	static void row_##function(void)                                             \
	{                                                                            \
		const struct sigaction ignore = {.sa_handler = SIG_IGN};             \
		struct sigaction old = {.sa_handler = SIG_ERR};                      \
                                                                                     \
		use_a_socket();                                                      \
		TARGET_CHECK(function(SIGTERM, &ignore, &old) == 0);                 \
		TARGET_CHECK(old.sa_handler == SIG_DFL);                             \
		TARGET_CHECK(function(SIGTERM, NULL, &old) == 0);                    \
		puts(old.sa_handler == SIG_IGN ? "ACTION ignored" : "ACTION other"); \
	}

ROW_SIGACTION(sigaction)
ROW_SIGACTION(__sigaction)

#define ROW_MASK(function)                                                   \
	static void row_##function(void)                                     \
	{                                                                    \
		sigset_t all;                                                \
                                                                             \
		puts("EXPECT cause=unread-not-closed verdict=leak count=1"); \
		accept_abandoned();                                          \
		sigfillset(&all);                                            \
		TARGET_CHECK(function(SIG_SETMASK, &all, NULL) == 0);        \
		puts("SIGNAL arrives");                                      \
	}

ROW_MASK(sigprocmask)
ROW_MASK(pthread_sigmask)

/*
 * The report signal is pending, and one with a higher number, which would be taken after it.  Who
 * waits for any gets the other one; then the report comes.
 */
static void make_pending(sigset_t *all)
{
	puts("EXPECT cause=unread-not-closed verdict=leak count=1");
	accept_abandoned();
	sigfillset(all);
	TARGET_CHECK(raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)all, 0, 8) == 0);
	TARGET_CHECK(kill(getpid(), SIGRTMAX - 3) == 0 && kill(getpid(), SIGRTMAX) == 0);
}

static void let_report_come(int received)
{
	sigset_t none;

	TARGET_CHECK(received == SIGRTMAX);
	sigemptyset(&none);
	TARGET_CHECK(raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8) == 0);
	puts("REPORT comes");
}

static void row_sigwait(void)
{
	int number = 0;
	sigset_t all;

	make_pending(&all);
	TARGET_CHECK(sigwait(&all, &number) == 0);
	let_report_come(number);
}

static void row_sigwaitinfo(void)
{
	sigset_t all;

	make_pending(&all);
	let_report_come(sigwaitinfo(&all, NULL));
}

static void row_sigtimedwait(void)
{
	const struct timespec now = {0};
	sigset_t all;

	make_pending(&all);
	let_report_come(sigtimedwait(&all, NULL, &now));
}

static void row_signalfd(void)
{
	struct signalfd_siginfo info;
	sigset_t all;
	int fd;

	make_pending(&all);
	fd = signalfd(-1, &all, SFD_CLOEXEC);
	TARGET_CHECK(read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info));
	let_report_come((int)info.ssi_signo);
}

/* getsockopt, which the shim uses and this program does not, would now kill. */
static void row_prctl(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	int peer = raw_peer();

	TARGET_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	TARGET_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
	TARGET_CHECK(accept(listener, NULL, NULL) >= 0);
	raw_close(peer);
	puts("ALIVE");
}

static const struct row rows[] = {
	{"signal", row_signal},
	{"bsd_signal", row_bsd_signal},
	{"ssignal", row_ssignal},
	{"sysv_signal", row_sysv_signal},
	{"__sysv_signal", row___sysv_signal},
	{"sigset", row_sigset},
	{"sigignore", row_sigignore},
	{"sigaction", row_sigaction},
	{"__sigaction", row___sigaction},
	{"sigprocmask", row_sigprocmask},
	{"pthread_sigmask", row_pthread_sigmask},
	{"sigwait", row_sigwait},
	{"sigwaitinfo", row_sigwaitinfo},
	{"sigtimedwait", row_sigtimedwait},
	{"signalfd", row_signalfd},
	{"prctl", row_prctl},
};

int main(int argc, char **argv)
{
	return run_row(argc, argv, rows, sizeof(rows) / sizeof(rows[0]));
}
