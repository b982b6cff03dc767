/* SPDX-License-Identifier: MIT */
/*
 * Starting the reporter without the host noticing.
 */
#ifndef CW_TRIGGER_SPAWN_H
#define CW_TRIGGER_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Remembers where this library lies and the few environment variables that a reporter needs. Called
 * once, by the constructor; not async-signal-safe (dladdr).
 */
void cw_spawn_init(char *const *environment);

/*
 * Takes the right to start a program: one at a time.  Waits, some seconds at most, until what was
 * started before has left this memory.  All signals are blocked from here to cw_spawn_release(),
 * because a handler run in the children would write into the host's memory.  is_lasting: the claim
 * is that of what cw_spawn_apart() has started.  Async-signal-safe.
 */
bool cw_spawn_claim(uint64_t *ret_mask);
void cw_spawn_release(uint64_t mask, bool is_lasting);

/*
 * Runs the installed reporter with these arguments (argv[0] is filled in; at most 16, then NULL).
 * Returns its process id, or 0 if no program could be started.  Async-signal-safe; under a claim.
 * The reporter is a grandchild: the host gets no SIGCHLD and has no child to wait for.
 */
pid_t cw_spawn_reporter(const char **argv);

/*
 * Runs work() in such a grandchild, beside the host, whose memory it shares; the claim lasts until
 * it is over.  work() must use no thread-local storage (errno is in it), and ends in
 * cw_spawn_exec() or exit_group(2).  It begins with the host's own descriptors where that can be:
 * then they need not be copied while the host waits.  Returns its process id, or 0.
 */
pid_t cw_spawn_apart(void (*work)(void));

/*
 * In work(): from now on its descriptors are its own, those above 2 as copies of the host's, or
 * (cw_spawn_close_descriptors) closed.  A copy keeps a connection alive that the host closes.
 */
void cw_spawn_own_descriptors(void);
void cw_spawn_close_descriptors(void);

/*
 * In work(): becomes the reporter.  Returns if that cannot be: it is not there, or a process that
 * has changed its user, or its root, has no way to its own session any more (trigger/reach.h).
 */
void cw_spawn_exec(const char **argv);

#endif
