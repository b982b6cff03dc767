/* SPDX-License-Identifier: MIT */
/*
 * The list of children is a table in the family's session, shared by all of them.  An entry is
 * claimed by exchanging its process number, without a lock; two that claim at once may lose an
 * entry, which costs one file that is removed later.
 */
#include "track/children.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/thread.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/text.h"
#include "track/inherited.h"
#include "track/session.h"
#include "track/storage.h"

#include "core/poison.h"

enum { PLACES = 8 /* looked at for a free one */ };

/* The second field may hold anything, so count from its last ')'. */
uint64_t cw_children_start_ticks(int pid)
{
	char name[32], stat[1024];
	struct cw_text text = CW_TEXT(name);
	const char *at, *end;
	long len;

	cw_text_add(&text, "/proc/");
	if (pid)
		cw_text_add_dec(&text, pid);
	else
		cw_text_add(&text, "self");
	cw_text_add(&text, "/stat");
	len = cw_read_file(name, stat, sizeof(stat));
	if (len <= 0)
		return 0;
	at = stat + len;
	while (at > stat && *at != ')')
		at--;
	for (int field = 2; field < 22; field++) {
		while (*at && *at != ' ')
			at++;
		while (*at == ' ')
			at++;
	}
	return cw_scan_uint(at, &end);
}

/* Does /proc go by the numbers of our pid namespace, and not by those of an outer one? */
static bool is_proc_ours(void)
{
	return cw_children_start_ticks(cw_process_id()) == cw_children_start_ticks(0);
}

/* The number may be another process's by now.  What cannot be known counts as living. */
static bool is_gone(const struct cw_child *child)
{
	uint64_t ticks;

	if (cw_raw(SYS_kill, child->pid, 0) == -ESRCH)
		return true;
	if (!is_proc_ours())
		return false;
	ticks = cw_children_start_ticks(child->pid);
	return ticks && child->start_ticks && ticks != child->start_ticks;
}

/* The sections of a session that was not ours lie where they would in ours, or it is damaged. */
static bool is_sound(const struct cw_session_header *header, uint64_t size)
{
	const struct cw_session_header *own = cw_session_own()->header;
	const struct cw_section *slots = &header->section[CW_SECTION_SLOTS];

	if (header->version != CW_SESSION_VERSION || !header->ready ||
	    header->header_size != sizeof(*header) ||
	    header->parent_t_start != cw_session_family()->header->t_start)
		return false;
	for (int i = 0; i < CW_SECTIONS; i++)
		if (header->section[i].offset != own->section[i].offset ||
		    (i != CW_SECTION_SLOTS && header->section[i].size != own->section[i].size))
			return false;
	return slots->size <= size && slots->offset <= size - slots->size &&
	       slots->used <= slots->size / sizeof(struct cw_slot);
}

/* Only a process that forked can have notes in its session. */
static void fold(struct cw_session_header *header, uint64_t size)
{
	static struct cw_map
		dead; /* too large for a handler's stack; one thread builds a session */

	if (!is_sound(header, size) || !header->forks)
		return;
	dead.header = header;
	dead.slots = (uint32_t)(header->section[CW_SECTION_SLOTS].size / sizeof(struct cw_slot));
	for (size_t i = 0; i < sizeof(dead.touched) / sizeof(dead.touched[0]); i++)
		atomic_store_explicit(&dead.touched[i], ~0ull, memory_order_relaxed);
	cw_inherited_fold(&dead);
	dead.header = NULL;
}

static void fold_file(const char *path)
{
	long fd = cw_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), at;
	struct stat st;

	if (fd < 0)
		return;
	if (fstat((int)fd, &st) == 0 && st.st_size > (off_t)sizeof(struct cw_session_header)) {
		at = cw_raw(SYS_mmap, NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (at > 0 || at < -4095) {
			fold((struct cw_session_header *)at, (uint64_t)st.st_size);
			cw_raw(SYS_munmap, at, st.st_size);
		}
	}
	cw_raw(SYS_close, fd);
}

static void forget(const struct cw_child *child)
{
	char path[CW_PATH_MAX + 64];

	if (!cw_storage_path_of(path, sizeof(path), child->pid, child->stamp))
		return;
	fold_file(path);
	if (cw_raw(SYS_unlinkat, AT_FDCWD, path, 0) == 0)
		cw_count(cw_session_family()->header->forgotten);
}

/* An empty entry, else one of a process that has ended; NULL: all looked at live. */
static struct cw_child *find_place(struct cw_map *family, uint64_t first)
{
	struct cw_child *dead = NULL;

	for (uint64_t i = first; i < first + PLACES; i++) {
		struct cw_child *child =
			cw_session_entry(family, CW_SECTION_CHILDREN, (uint32_t)(i % CW_CHILDREN));

		if (!child || !child->pid)
			return child;
		if (!dead && is_gone(child))
			dead = child;
	}
	return dead;
}

void cw_children_enter(const struct cw_session_header *header)
{
	struct cw_map *family = cw_session_family();
	struct cw_child *place, before;

	/* By a number of another pid namespace nobody could tell whether it lives. */
	if (!family || cw_is_sandboxed || header->pidns != family->header->pidns)
		return;
	place = find_place(family, cw_count(family->header->children));
	if (!place)
		return;
	before = *place;
	if (!__atomic_compare_exchange_n(&place->pid, &before.pid, header->pid, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	place->start_ticks = header->start_ticks;
	place->stamp = cw_storage_stamp();
	if (before.pid)
		forget(&before);
}

void cw_children_leave(const struct cw_session_header *header)
{
	struct cw_map *family = cw_session_family();

	for (uint32_t i = 0; family && i < CW_CHILDREN; i++) {
		struct cw_child *child = cw_session_peek(family, CW_SECTION_CHILDREN, i);

		if (!child || child->pid != header->pid ||
		    child->start_ticks != header->start_ticks)
			continue;
		child->start_ticks = 0;
		__atomic_store_n(&child->pid, 0, __ATOMIC_RELAXED);
		return;
	}
}
