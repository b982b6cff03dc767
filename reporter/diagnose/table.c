/* SPDX-License-Identifier: MIT */
/*
 * A hash table with open addressing; see table.h.
 */
#include "diagnose/table.h"

#include <string.h>

enum { SLOTS_MIN = 64 };

struct cwr_table_slot {
	struct cwr_key key;
	void *entry; /* NULL: the slot is free */
};

/* Multiplication carries upwards, the shift brings it down again. */
static uint64_t hash_of(const struct cwr_key *key)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < sizeof(key->word) / sizeof(key->word[0]); i++) {
		hash = (hash ^ key->word[i]) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	return hash;
}

/* The slot of that key, or the free one where it belongs. */
static struct cwr_table_slot *slot_of(const struct cwr_table *table, const struct cwr_key *key)
{
	size_t i = hash_of(key) & (table->size - 1);

	while (table->slots[i].entry && memcmp(&table->slots[i].key, key, sizeof(*key)) != 0)
		i = (i + 1) & (table->size - 1);
	return &table->slots[i];
}

static void grow(struct cwr_table *table)
{
	const struct cwr_table before = *table;

	table->size = before.size ? 2 * before.size : SLOTS_MIN;
	table->slots = cwr_model_alloc(table->model, table->size * sizeof(*table->slots));
	for (size_t i = 0; i < before.size; i++)
		if (before.slots[i].entry)
			*slot_of(table, &before.slots[i].key) = before.slots[i];
}

void *cwr_table_find(const struct cwr_table *table, const struct cwr_key *key)
{
	return table->size ? slot_of(table, key)->entry : NULL;
}

void *cwr_table_get(struct cwr_table *table, const struct cwr_key *key, size_t size)
{
	struct cwr_table_slot *slot;

	if (2 * (table->n + 1) > table->size)
		grow(table);
	slot = slot_of(table, key);
	if (slot->entry)
		return slot->entry;
	slot->key = *key;
	slot->entry = cwr_model_alloc(table->model, size);
	table->n++;
	return slot->entry;
}
