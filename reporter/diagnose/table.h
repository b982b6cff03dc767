/* SPDX-License-Identifier: MIT */
/*
 * A hash table of things that rules look up for each of very many sockets, such as what is known of
 * all sockets of one place.  Entries are never removed; all of it lives in the model's memory.
 */
#ifndef CWR_TABLE_H
#define CWR_TABLE_H

#include "model/model.h"

/* What is not used of a key is zero. */
struct cwr_key {
	uint64_t word[6];
};

struct cwr_table {
	struct cwr_model *model;
	size_t n, size; /* size is 0 or a power of two */
	struct cwr_table_slot *slots;
};

/* The entry of that key, or NULL. */
void *cwr_table_find(const struct cwr_table *table, const struct cwr_key *key);

/* The entry of that key; if there is none, it is made: of that size, zeroed. */
void *cwr_table_get(struct cwr_table *table, const struct cwr_key *key, size_t size);

#endif
