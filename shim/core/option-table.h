/* SPDX-License-Identifier: MIT */
/*
 * The keys of CWSHIM_OPTIONS: one row each, from which come the members of struct cw_options, the
 * parsing and the help.  Included several times, hence no guard.
 *
 * CW_OPTION(name, type, default as text, help); types are in options.c.
 */
/* clang-format off */
CW_OPTION(log_path, string, "stderr", "the report's file; %p is the pid, %e the program")
CW_OPTION(format, string, "text", "any format of `cwshim report`")
CW_OPTION(at_exit, flag, "1", "report when the process ends")
CW_OPTION(signal, signal, "RTMAX-3", "report on this signal; a name (USR2) or none")
CW_OPTION(exitcode, exitcode, "0", "if not 0: exit status of a process that ends by itself with findings that fail")
CW_OPTION(fail_on, verdicts, "leak,stall", "the verdicts that count for exitcode: leak stall idle in-use, or none")
CW_OPTION(min_age, duration, "1s", "ignore a socket whose FIN is younger (500ms, 2m)")
CW_OPTION(report_at, count, "0", "if not 0: also report, once, when that many FIN-seen sockets are open")
CW_OPTION(depth, depth, "32", "frames a stack, 1 to 128")
CW_OPTION(unwind, unwinder, "libunwind", "or fp (frame pointers), caller, none")
CW_OPTION(suppressions, string, "", "file of findings to ignore")
CW_OPTION(session_dir, string, "", "where sessions are kept; default $XDG_RUNTIME_DIR/cwshim, else /tmp/cwshim-UID")
CW_OPTION(seccomp, filter, "auto", "a filter that is on at start: avoid all calls of our own, or trust it; auto: trust that of a whole container")
CW_OPTION(late, duration, "60s", "closed-late: how long in CLOSE_WAIT before the close is too long")
CW_OPTION(verbose, flag, "0", "1: say at start that recording is on, and at exit also when nothing is found")
CW_OPTION(help, flag, "0", "1: print this table and go on")
CW_OPTION(notify, string, "", "FIFO of a `cwshim run` that takes the report instead of a reporter of our own")
CW_OPTION(filters, count, "0", "seccomp filters that this `cwshim run` is under itself")
/* clang-format on */
