/* SPDX-License-Identifier: MIT */
/*
 * Interpreters close what their program had forgotten before main returns, hence before exit() is
 * entered.
 */
#ifndef CW_TRIGGER_TEARDOWN_H
#define CW_TRIGGER_TEARDOWN_H

/*
 * Is this process an interpreter that does so?  Then from now on the first close inside its
 * teardown enters exit.  Called once, by the constructor; uses dlsym, so not async-signal-safe.
 */
void cw_teardown_init(void);

#endif
