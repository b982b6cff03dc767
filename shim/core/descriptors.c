/* SPDX-License-Identifier: MIT */
/*
 * Reads /proc/self/fd by raw system calls: opendir(3) allocates.
 */
#include "core/descriptors.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/raw.h"
#include "core/text.h"

#include "core/poison.h"

struct directory_entry { /* struct linux_dirent64, getdents(2) */
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

struct search {
	void (*visit)(void *context, int fd);
	void *context;
	int own;
};

static void visit_entries(const struct search *search, const char *buffer, long size)
{
	for (long at = 0; at < size;) {
		const struct directory_entry *entry = (const void *)(buffer + at);
		uint64_t fd;

		at += entry->size;
		if (cw_parse_uint(entry->name, INT32_MAX, &fd) && (int)fd != search->own)
			search->visit(search->context, (int)fd);
	}
}

void cw_descriptors_each(void (*visit)(void *context, int fd), void *context)
{
	char buffer[1024] __attribute__((aligned(8))); /* may be on a coroutine's stack */
	long dir =
		cw_raw(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct search search = {visit, context, (int)dir};
	long got;

	if (dir < 0)
		return;
	while ((got = cw_raw(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0)
		visit_entries(&search, buffer, got);
	cw_raw(SYS_close, dir);
}
