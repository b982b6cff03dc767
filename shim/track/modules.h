/* SPDX-License-Identifier: MIT */
/*
 * The list of mapped objects in the session.
 */
#ifndef CW_TRACK_MODULES_H
#define CW_TRACK_MODULES_H

#include "track/session.h"

/*
 * Adds to the session every object that it does not list yet.  Uses dl_iterate_phdr, whose lock is
 * recursive and held only for moments (glibc elf/dl-iteratephdr.c).
 */
void cw_modules_record(struct cw_map *map);

/* Called with the addresses of a new stack: records modules again if one is in none that is known.
 */
void cw_modules_cover(struct cw_map *map, const uint64_t *ips, size_t n);

#endif
