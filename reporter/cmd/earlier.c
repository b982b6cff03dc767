/* SPDX-License-Identifier: MIT */
/*
 * Copies of slots; see earlier.h.
 */
#include "cmd/earlier.h"

#include "kernel/pidns.h"
#include "kernel/proc.h"
#include "model/arena.h"
#include "session/dir.h"

#include <stdlib.h>
#include <string.h>

/* Each is a descriptor of ours. */
enum { SESSIONS_MAX = 256 };

struct look {
	struct cwr_earlier_session *session;
	cwr_copy_chooser *choose;
	void *context;
};

static struct cwr_copy *find_copy(struct cwr_copy *copies, const struct look *look, int fd)
{
	while (copies && (copies->session != look->session || copies->slot.fd != fd))
		copies = copies->next;
	return copies;
}

static void keep(struct look *look, const struct cw_slot *slot)
{
	struct cwr_copy **copies = look->choose(look->context, slot->cookie);
	struct cwr_copy *copy = copies ? find_copy(*copies, look, slot->fd) : NULL;

	if (!copies || (copy && (copy->is_live || copy->slot.closed.tick > slot->closed.tick)))
		return;
	if (!copy) {
		copy = calloc(1, sizeof(*copy));
		if (!copy)
			cwr_out_of_memory();
		copy->session = look->session;
		copy->next = *copies;
		*copies = copy;
		look->session->ncopies++;
	}
	copy->slot = *slot;
	copy->is_live = slot->flags & (CW_SLOT_LIVE | CW_SLOT_CLOSED_AT_EXIT);
}

static void visit_slot(void *context, size_t index, const struct cw_slot *from)
{
	struct cw_slot slot = *from;

	slot.fd = (int32_t)index;
	keep(context, &slot);
}

/* Closed by the owner; what was open under that number has been looked at before. */
static void visit_handed(void *context, size_t index, const struct cw_slot *from)
{
	struct cw_slot slot = *from;

	slot.flags &= (uint8_t) ~(CW_SLOT_LIVE | CW_SLOT_CLOSED_AT_EXIT);
	if (slot.fd >= 0)
		keep(context, &slot);
}

/* A zombie has closed everything. */
static bool has_ended(const struct cw_session_header *header)
{
	pid_t pid = cwr_pidns_find(header->pid, header->start_ticks, header->pidns);
	struct cwr_proc_stat stat;

	return !pid || !cwr_proc_stat(pid, &stat) || stat.state == 'Z' || stat.state == 'X';
}

/* Whether it lives is asked first: what a slot says of the living may change until it is read. */
static void look_into(struct look *look)
{
	struct cwr_session_file *file = &look->session->file;
	struct cwr_error *error = cwr_session_file_refresh(file);

	if (!error && file->header.ready) {
		look->session->has_ended = has_ended(&file->header);
		cwr_session_walk_slots(file, CW_SECTION_SLOTS, visit_slot, look);
		cwr_session_walk_slots(file, CW_SECTION_LATEST, visit_handed, look);
		cwr_session_walk_slots(file, CW_SECTION_HANDED, visit_handed, look);
	}
	cwr_error_free(error);
}

static void free_session(struct cwr_earlier_session *session)
{
	cwr_session_file_close(&session->file);
	free(session->path);
	free(session);
}

static bool is_kept(const struct cwr_earlier *earlier, const char *path)
{
	for (const struct cwr_earlier_session *s = earlier->sessions; s; s = s->next)
		if (!strcmp(s->path, path))
			return true;
	return false;
}

static struct cwr_earlier_session *open_session(const char *path)
{
	struct cwr_earlier_session *session = calloc(1, sizeof(*session));

	if (!session || !(session->path = strdup(path)))
		cwr_out_of_memory();
	cwr_error_free(cwr_session_file_open(&session->file, session->path));
	return session;
}

static void look_into_another(struct cwr_earlier *earlier, struct look *look, const char *path)
{
	if (is_kept(earlier, path))
		return;
	if (earlier->n == SESSIONS_MAX) {
		earlier->is_full = true;
		return;
	}
	look->session = open_session(path);
	look_into(look);
	if (!look->session->ncopies) {
		free_session(look->session);
		return;
	}
	look->session->next = earlier->sessions;
	earlier->sessions = look->session;
	earlier->n++;
}

static void close_unused(struct cwr_earlier *earlier)
{
	struct cwr_earlier_session **link = &earlier->sessions;

	while (*link) {
		struct cwr_earlier_session *session = *link;

		if (session->ncopies) {
			link = &session->next;
			continue;
		}
		*link = session->next;
		free_session(session);
		earlier->n--;
	}
}

void cwr_earlier_look(struct cwr_earlier *earlier, cwr_copy_chooser *choose, void *context)
{
	struct look look = {.choose = choose, .context = context};
	struct cwr_session_list list;

	close_unused(earlier);
	for (look.session = earlier->sessions; look.session; look.session = look.session->next)
		look_into(&look);
	cwr_error_free(cwr_session_dir_list(earlier->dir, &list));
	for (size_t i = 0; i < list.n; i++)
		if (!list.entries[i].error)
			look_into_another(earlier, &look, list.entries[i].path);
	cwr_session_list_free(&list);
}

void cwr_copies_free(struct cwr_copy *copies)
{
	while (copies) {
		struct cwr_copy *next = copies->next;

		copies->session->ncopies--;
		free(copies);
		copies = next;
	}
}

void cwr_earlier_free(struct cwr_earlier *earlier)
{
	while (earlier->sessions) {
		struct cwr_earlier_session *next = earlier->sessions->next;

		free_session(earlier->sessions);
		earlier->sessions = next;
	}
}
