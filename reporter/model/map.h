/* SPDX-License-Identifier: MIT */
/*
 * What is found by a 64-bit number, such as a socket by its cookie.  Made for reports on very many
 * sockets: all it has is one array, so a question mostly takes one look at memory.
 */
#ifndef CWR_MAP_H
#define CWR_MAP_H

#include <stddef.h>
#include <stdint.h>

struct cwr_map_slot;

/* Zeroed: empty. */
struct cwr_map {
	size_t n, size; /* size is 0 or a power of two */
	struct cwr_map_slot *slots;
};

/*
 * The key, which is not 0, stands for the value from now on, whatever it stood for before.  The
 * value stays the caller's and is not NULL.  Ends the command when out of memory.
 */
void cwr_map_put(struct cwr_map *map, uint64_t key, void *value);

/* NULL: the key stands for nothing. */
void *cwr_map_find(const struct cwr_map *map, uint64_t key);

/* Makes it empty. */
void cwr_map_free(struct cwr_map *map);

#endif
