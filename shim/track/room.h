/* SPDX-License-Identifier: MIT */
/*
 * How large a session may be by the limits of the process (getrlimit(2)), of which the host needs
 * the most for itself.  Async-signal-safe.
 */
#ifndef CW_TRACK_ROOM_H
#define CW_TRACK_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How many descriptors the table of a new session is for: as many as the process may ever have, or
 * fewer where address space is limited.  Never 0.
 */
uint32_t cw_room_slots(void);

/* Is there address space for so many bytes without taking from the host what it may need? */
bool cw_room_has(uint64_t bytes);

#endif
