/* SPDX-License-Identifier: MIT */
/*
 * Asking the kernel about the sockets of this process, when a report is taken.
 */
#ifndef CW_TRACK_PROBE_H
#define CW_TRACK_PROBE_H

#include <stdint.h>

/*
 * Writes the kernel's word into the slots of all sockets whose peer has closed, corrects slots that
 * the kernel contradicts, and adds sockets that came outside our view.  Returns how many sockets
 * were found whose peer has closed, those inherited by a fork not counted.  Async-signal-safe; one
 * poll() a 256 sockets, and a few calls for each that was found.
 */
uint32_t cw_probe_all(void);

#endif
