/* SPDX-License-Identifier: MIT */
/*
 * Session files; see file.h.
 *
 * They are read with pread(), not mapped: a mapping of a file that shrinks kills its reader by
 * SIGBUS, and reading holes through one allocates them on tmpfs, where sessions live.
 */
#include "session/file.h"

#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What `used` counts in a section. */
enum used_kind {
	USED_ENTRIES,	   /* entries, from the first on */
	USED_EVER_WRITTEN, /* writes to a ring */
	USED_NOTHING,	   /* every entry may be in use, whatever it was when the header was read */
};

static const struct section_rule {
	const char *name;
	size_t entry_size;
	enum used_kind used;
} rules[CW_SECTIONS] = {
	[CW_SECTION_MODULES] = {"modules", sizeof(struct cw_module), USED_ENTRIES},
	[CW_SECTION_STACK_INDEX] = {"stack index", sizeof(cw_stack_id), USED_NOTHING},
	[CW_SECTION_STACKS] = {"stacks", 1, USED_ENTRIES},
	[CW_SECTION_SITES] = {"sites", sizeof(struct cw_site), USED_NOTHING},
	[CW_SECTION_FORKS] = {"forks", sizeof(struct cw_fork), USED_EVER_WRITTEN},
	[CW_SECTION_EVENTS] = {"events", sizeof(struct cw_event), USED_EVER_WRITTEN},
	[CW_SECTION_HANDED] = {"handed-over sockets", sizeof(struct cw_slot), USED_NOTHING},
	[CW_SECTION_CHILDREN] = {"children", sizeof(struct cw_child), USED_NOTHING},
	[CW_SECTION_FUNCTIONS] = {"functions", 32, USED_ENTRIES},
	[CW_SECTION_SLOTS] = {"slots", sizeof(struct cw_slot), USED_ENTRIES},
	[CW_SECTION_LATEST] = {"latest handed-over sockets", sizeof(struct cw_slot), USED_NOTHING},
};

const char *cwr_session_section_name(enum cw_section_id id)
{
	return rules[id].name;
}

/* Reads until size bytes are there or the file ends; returns how many, or -1. */
static ssize_t read_at(const struct cwr_session_file *file, void *buffer, size_t size,
		       uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(file->fd, (char *)buffer + done, size - done,
				  (off_t)(file->base + offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static struct cwr_error *input_error(const char *path, const char *what)
{
	return cwr_error_new(CWR_EXIT_INPUT, "%s: %s", path, what);
}

static struct cwr_error *check_header(const struct cwr_session_file *file)
{
	const struct cw_session_header *header = &file->header;

	if (header->version != CW_SESSION_VERSION)
		return cwr_error_new(CWR_EXIT_INPUT,
				     "%s: session format %u, but this cwshim reads format %u",
				     file->path, header->version, CW_SESSION_VERSION);
	if (header->header_size != sizeof(*header))
		return cwr_error_new(
			CWR_EXIT_INPUT,
			"%s: damaged session: header of %u bytes at offset %zu, %zu expected",
			file->path, header->header_size,
			offsetof(struct cw_session_header, header_size), sizeof(*header));
	if (header->ready && (header->pid <= 0 || header->sections != CW_SECTIONS))
		return cwr_error_new(CWR_EXIT_INPUT, "%s: damaged session: process %d, %u sections",
				     file->path, header->pid, header->sections);
	return NULL;
}

static struct cwr_error *read_header(struct cwr_session_file *file)
{
	struct cw_session_header *header = &file->header;
	ssize_t n = read_at(file, header, sizeof(*header), 0);

	if (n < 0)
		return input_error(file->path, strerror(errno));
	if ((size_t)n < sizeof(header->magic) ||
	    memcmp(header->magic, CW_SESSION_MAGIC, sizeof(header->magic)) != 0)
		return input_error(file->path, "not a cwshim session");
	if ((size_t)n < sizeof(*header))
		return cwr_error_new(CWR_EXIT_INPUT,
				     "%s: truncated session: the header ends at offset %zu of %zu",
				     file->path, (size_t)n, sizeof(*header));
	header->exe[sizeof(header->exe) - 1] = 0;
	header->shim_version[sizeof(header->shim_version) - 1] = 0;
	if (header->cmdline_len > sizeof(header->cmdline))
		header->cmdline_len = sizeof(header->cmdline);
	return check_header(file);
}

struct cwr_error *cwr_session_file_refresh(struct cwr_session_file *file)
{
	struct stat st = {0};

	if (file->fd < 0 || fstat(file->fd, &st) < 0)
		return input_error(file->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return input_error(file->path, "not a cwshim session");
	file->size = (uint64_t)st.st_size;
	return read_header(file);
}

struct cwr_error *cwr_session_file_open(struct cwr_session_file *file, const char *path)
{
	struct cwr_error *error;

	*file = (struct cwr_session_file){.path = path};
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	error = cwr_session_file_refresh(file);
	if (error)
		cwr_session_file_close(file);
	return error;
}

/* What its sections may reach, at most. */
enum { MEMORY_SIZE = 64 << 20 };

struct cwr_error *cwr_session_file_open_memory(struct cwr_session_file *file, const char *path,
					       uint64_t address,
					       const struct cw_session_header *known)
{
	struct cwr_error *error;

	*file = (struct cwr_session_file){.path = path, .base = address, .size = MEMORY_SIZE};
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	file->header = *known;
	error = file->fd < 0 ? input_error(path, strerror(errno)) : check_header(file);
	if (error)
		cwr_session_file_close(file);
	return error;
}

void cwr_session_file_close(struct cwr_session_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

struct cwr_error *cwr_session_file_check_size(const struct cwr_session_file *file)
{
	for (int id = 0; id < CW_SECTIONS; id++) {
		const struct cw_section *section = &file->header.section[id];
		uint64_t end;

		if (__builtin_add_overflow(section->offset, section->size, &end))
			end = UINT64_MAX;
		if (end > file->size)
			return cwr_error_new(
				CWR_EXIT_INPUT,
				"%s: truncated session: %s end at offset %llu, the file at %llu",
				file->path, rules[id].name, (unsigned long long)end,
				(unsigned long long)file->size);
	}
	return NULL;
}

bool cwr_session_section_entries(const struct cwr_session_file *file, enum cw_section_id id,
				 size_t *ret_entries)
{
	const struct cw_section *section = &file->header.section[id];
	const struct section_rule *rule = &rules[id];
	uint64_t room, end;

	*ret_entries = 0;
	if (__builtin_add_overflow(section->offset, section->size, &end) || end > file->size)
		return false;
	if (section->offset < sizeof(struct cw_session_header) || section->offset % 8)
		return false;
	if (id != CW_SECTION_STACKS && section->entry_size != rule->entry_size)
		return false;
	room = section->size / rule->entry_size;
	if (rule->used == USED_ENTRIES && section->used > room)
		return false;
	*ret_entries = rule->used == USED_NOTHING || section->used > room ? room : section->used;
	return true;
}

void *cwr_session_section_read(const struct cwr_session_file *file, enum cw_section_id id,
			       size_t *ret_entries, bool *ret_is_damaged)
{
	size_t entries;
	char *data;

	*ret_entries = 0;
	*ret_is_damaged = !cwr_session_section_entries(file, id, &entries);
	if (*ret_is_damaged || !entries)
		return NULL;
	data = calloc(entries, rules[id].entry_size);
	if (!data || read_at(file, data, entries * rules[id].entry_size,
			     file->header.section[id].offset) < 0) {
		free(data);
		*ret_is_damaged = true;
		return NULL;
	}
	*ret_entries = entries;
	return data;
}

struct cwr_error *cwr_session_read_header(const char *path, struct cw_session_header *ret_header)
{
	struct cwr_session_file file;
	struct cwr_error *error = cwr_session_file_open(&file, path);

	if (error)
		return error;
	*ret_header = file.header;
	cwr_session_file_close(&file);
	return NULL;
}
