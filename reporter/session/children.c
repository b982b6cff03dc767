/* SPDX-License-Identifier: MIT */
/*
 * Processes that have no session of their own: the numbers of children stand in the records of the
 * forks that made them; of others it is only known which sockets they have.
 */
#include "session/dir.h"

#include "session/file.h"
#include "util/cleanup.h"

#include <stdlib.h>

/* The time of the latest fork there that made a process of this number; 0: none did. */
static uint64_t latest_fork(const struct cwr_session_file *file, pid_t pid)
{
	size_t n;
	bool is_damaged;
	CWR_AUTO_FREE struct cw_fork *forks =
		cwr_session_section_read(file, CW_SECTION_FORKS, &n, &is_damaged);
	uint64_t t = 0;

	for (size_t i = 0; i < n; i++)
		if (forks[i].seq && forks[i].pid == pid && forks[i].state != CW_FORK_EXITED &&
		    forks[i].t > t)
			t = forks[i].t;
	return t;
}

static uint64_t made_at(const char *path, pid_t pid)
{
	struct cwr_session_file file;
	struct cwr_error *error = cwr_session_file_open(&file, path);
	uint64_t t = 0;

	if (!error)
		t = latest_fork(&file, pid);
	cwr_error_free(error);
	cwr_session_file_close(&file);
	return t;
}

size_t cwr_session_find_maker(const struct cwr_session_list *list, pid_t pid)
{
	size_t found = list->n;
	uint64_t latest = 0;

	for (size_t i = 0; i < list->n; i++) {
		uint64_t t = list->entries[i].error ? 0 : made_at(list->entries[i].path, pid);

		if (t > latest) {
			latest = t;
			found = i;
		}
	}
	return found;
}

struct wanted {
	const uint64_t *cookies;
	size_t n;
	bool is_there;
};

static void look_at(void *context, size_t index, const struct cw_slot *slot)
{
	struct wanted *wanted = context;

	(void)index;
	for (size_t i = 0; i < wanted->n; i++)
		wanted->is_there |= wanted->cookies[i] == slot->cookie;
}

static bool has_recorded(const char *path, struct wanted *wanted)
{
	struct cwr_session_file file;
	struct cwr_error *error = cwr_session_file_open(&file, path);

	wanted->is_there = false;
	if (!error) {
		cwr_session_walk_slots(&file, CW_SECTION_SLOTS, look_at, wanted);
		cwr_session_walk_slots(&file, CW_SECTION_LATEST, look_at, wanted);
		cwr_session_walk_slots(&file, CW_SECTION_HANDED, look_at, wanted);
	}
	cwr_error_free(error);
	cwr_session_file_close(&file);
	return wanted->is_there;
}

size_t cwr_session_find_sharer(const struct cwr_session_list *list, const uint64_t *cookies,
			       size_t n)
{
	struct wanted wanted = {.cookies = cookies, .n = n};

	for (size_t i = list->n; n && i-- > 0;)
		if (!list->entries[i].error && has_recorded(list->entries[i].path, &wanted))
			return i;
	return list->n;
}
