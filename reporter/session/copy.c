/* SPDX-License-Identifier: MIT */
/*
 * A copy of a session that lies in the memory of a process, in memory of ours with the layout of a
 * file: it can be read when the process has ended.  Only what is in use is copied, and slots one by
 * one, each while it holds still.
 */
#include "session/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct copying {
	int fd;
	uint64_t slots; /* where they begin */
	cwr_slot_editor *edit;
	void *context;
	bool has_failed;
};

static bool write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data = (const char *)data + n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

static void visit_slot(void *context, size_t index, const struct cw_slot *from)
{
	struct copying *copying = context;
	struct cw_slot slot = *from;

	slot.fd = (int32_t)index;
	copying->edit(copying->context, &slot);
	copying->has_failed |=
		!write_at(copying->fd, &slot, sizeof(slot), copying->slots + index * sizeof(slot));
}

/* The shim looks stacks up by the index, a reader does not. */
static bool is_copied(enum cw_section_id id)
{
	return id != CW_SECTION_STACK_INDEX && id != CW_SECTION_SLOTS;
}

static bool copy_section(const struct cwr_session_file *source, int fd, enum cw_section_id id)
{
	const struct cw_section *section = &source->header.section[id];
	const size_t size = id == CW_SECTION_STACKS ? 1 : section->entry_size;
	size_t n;
	bool is_damaged;
	void *data = cwr_session_section_read(source, id, &n, &is_damaged);
	bool is_written = !is_damaged && write_at(fd, data, n * size, section->offset);

	free(data);
	return is_written;
}

/* What the slots speak of may have come to the tables since the header was read. */
static bool read_used(struct cwr_session_file *source)
{
	struct cw_session_header now;

	if (pread(source->fd, &now, sizeof(now), (off_t)source->base) != (ssize_t)sizeof(now))
		return false;
	for (int id = 0; id < CW_SECTIONS; id++)
		source->header.section[id].used = now.section[id].used;
	source->header.t_exit = now.t_exit;
	return true;
}

static uint64_t size_of(const struct cw_session_header *header)
{
	uint64_t size = sizeof(*header);

	for (int id = 0; id < CW_SECTIONS; id++)
		if (header->section[id].offset + header->section[id].size > size)
			size = header->section[id].offset + header->section[id].size;
	return size;
}

static bool copy_all(struct cwr_session_file *source, struct copying *copying)
{
	struct cwr_slot_walk walk;

	copying->slots = source->header.section[CW_SECTION_SLOTS].offset;
	walk = cwr_session_walk_slots(source, CW_SECTION_SLOTS, visit_slot, copying);
	if (walk.is_damaged || copying->has_failed || !read_used(source))
		return false;
	for (int id = 0; id < CW_SECTIONS; id++)
		if (is_copied(id) && !copy_section(source, copying->fd, id))
			return false;
	return ftruncate(copying->fd, (off_t)size_of(&source->header)) == 0 &&
	       write_at(copying->fd, &source->header, sizeof(source->header), 0);
}

int cwr_session_file_copy(struct cwr_session_file *source, cwr_slot_editor *edit, void *context)
{
	struct copying copying = {
		.fd = memfd_create("cwshim-copy", MFD_CLOEXEC),
		.edit = edit,
		.context = context,
	};

	if (copying.fd >= 0 && !copy_all(source, &copying)) {
		close(copying.fd);
		return -1;
	}
	return copying.fd;
}
