/* SPDX-License-Identifier: MIT */
/*
 * Site statistics: an open-addressed table in the session, keyed by stack id.  When it is full,
 * sites that come later go uncounted.
 */
#include "track/sites.h"

#include "core/poison.h"

enum { PROBES = 16 };

static struct cw_site *find(struct cw_map *map, uint32_t stack)
{
	for (uint32_t i = 0; stack && i < PROBES; i++) {
		uint32_t index = (stack * 2654435761u / 4096 + i) % CW_SITES;
		struct cw_site *site = cw_session_entry(map, CW_SECTION_SITES, index);
		uint32_t seen = 0;

		if (!site)
			return NULL;
		if (__atomic_load_n(&site->stack, __ATOMIC_RELAXED) == stack ||
		    __atomic_compare_exchange_n(&site->stack, &seen, stack, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED) ||
		    seen == stack)
			return site;
	}
	return NULL;
}

void cw_site_created(struct cw_map *map, uint32_t stack)
{
	struct cw_site *site = find(map, stack);

	if (site)
		cw_count(site->created);
}

void cw_site_uncreated(struct cw_map *map, uint32_t stack)
{
	struct cw_site *site = find(map, stack);

	if (site)
		__atomic_fetch_sub(&site->created, 1, __ATOMIC_RELAXED);
}

/* Of two threads that close at once, the later word may be of the older one: it is a tick older. */
static void note_served(struct cw_site *site, uint64_t created)
{
	if (created > __atomic_load_n(&site->t_served, __ATOMIC_RELAXED))
		__atomic_store_n(&site->t_served, created, __ATOMIC_RELAXED);
}

void cw_site_closed(struct cw_map *map, uint32_t stack, uint64_t created, uint64_t now,
		    bool was_served)
{
	struct cw_site *site = find(map, stack);
	uint64_t ms = (now - created) / 1000000;
	int bucket = ms ? 64 - __builtin_clzll(ms) : 0;

	if (!site)
		return;
	cw_count(site->closed);
	if (was_served)
		note_served(site, created);
	if (bucket >= CW_LIFE_BUCKETS)
		bucket = CW_LIFE_BUCKETS - 1;
	__atomic_fetch_add(&site->life[bucket], 1, __ATOMIC_RELAXED);
}
