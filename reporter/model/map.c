/* SPDX-License-Identifier: MIT */
/*
 * A hash table with open addressing, at most half full; see map.h.
 */
#include "model/map.h"

#include "model/arena.h"

#include <stdlib.h>

enum { SLOTS_MIN = 64 };

struct cwr_map_slot {
	uint64_t key; /* 0: the slot is free */
	void *value;
};

/*
 * The slot of that key, or the free one where it belongs.  The multiplication carries the numbers,
 * which follow one another, into the upper bits (Knuth, The Art of Computer Programming, 6.4).
 */
static struct cwr_map_slot *slot_of(const struct cwr_map *map, uint64_t key)
{
	size_t i = (key * 0x9e3779b97f4a7c15u >> 32) & (map->size - 1);

	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & (map->size - 1);
	return &map->slots[i];
}

static void grow(struct cwr_map *map)
{
	const struct cwr_map before = *map;

	map->size = before.size ? 2 * before.size : SLOTS_MIN;
	map->slots = calloc(map->size, sizeof(*map->slots));
	if (!map->slots)
		cwr_out_of_memory();
	for (size_t i = 0; i < before.size; i++)
		if (before.slots[i].key)
			*slot_of(map, before.slots[i].key) = before.slots[i];
	free(before.slots);
}

void cwr_map_put(struct cwr_map *map, uint64_t key, void *value)
{
	struct cwr_map_slot *slot;

	if (2 * (map->n + 1) > map->size)
		grow(map);
	slot = slot_of(map, key);
	map->n += !slot->key;
	*slot = (struct cwr_map_slot){key, value};
}

void *cwr_map_find(const struct cwr_map *map, uint64_t key)
{
	return map->size && key ? slot_of(map, key)->value : NULL;
}

void cwr_map_free(struct cwr_map *map)
{
	free(map->slots);
	*map = (struct cwr_map){0};
}
