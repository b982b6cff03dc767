/* SPDX-License-Identifier: MIT */
/*
 * Handlers of ours run on the alternate stack of the host (sigaltstack(2)) if it has one, and that
 * may be just large enough for what the host does there.  The work of a handler runs on a stack of
 * ours then.
 */
#ifndef CW_CORE_ALTSTACK_H
#define CW_CORE_ALTSTACK_H

/*
 * Calls work(argument): on a stack of 64 KiB if this is a smaller alternate stack, else in place;
 * in place also while another thread has that stack.  Handlers of the host that come in between
 * find it as their alternate stack.  Async-signal-safe.
 */
void cw_altstack_run(void (*work)(int argument), int argument);

#endif
