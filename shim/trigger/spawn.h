/* SPDX-License-Identifier: MIT */
/*
 * Starting the reporter without the host noticing.
 */
#ifndef CW_TRIGGER_SPAWN_H
#define CW_TRIGGER_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Remembers where this library lies and the few environment variables that a reporter needs. Called
 * once, by the constructor; not async-signal-safe (dladdr).
 */
void cw_spawn_init(char *const *environment);

/*
 * Runs the installed reporter with these arguments (argv[0] is filled in; at most 16, then NULL).
 * Returns its process id, or 0 if no program could be started.  Async-signal-safe; one at a time.
 * The reporter is a grandchild: the host gets no SIGCHLD and has no child to wait for.
 */
pid_t cw_spawn_reporter(const char **argv);

#endif
