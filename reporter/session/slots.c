/* SPDX-License-Identifier: MIT */
/*
 * Reads slots while their owner may be writing them.
 *
 * Each slot has a sequence lock: odd while it is written, and two more after each write.  The
 * chunk is read three times.  Where the first and the last copy carry the same even sequence
 * number, nothing was written between them, so the copy in the middle is whole, in whatever order
 * the kernel copied its bytes.
 */
#include "session/file.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

enum {
	CHUNK = 64,   /* slots read at once */
	TRIES = 5000, /* in all, for slots that are being written: a write takes a microsecond */
};

struct copies {
	struct cw_slot before[CHUNK], slot[CHUNK], after[CHUNK];
};

static bool read_exactly(const struct cwr_session_file *file, void *buffer, size_t size,
			 uint64_t offset)
{
	ssize_t n;

	do
		n = pread(file->fd, buffer, size, (off_t)(file->base + offset));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

static bool read_copies(const struct cwr_session_file *file, struct copies *copies, size_t n,
			uint64_t offset)
{
	size_t size = n * sizeof(struct cw_slot);

	return read_exactly(file, copies->before, size, offset) &&
	       read_exactly(file, copies->slot, size, offset) &&
	       read_exactly(file, copies->after, size, offset);
}

static bool is_whole(const struct copies *copies, size_t i)
{
	uint32_t seq = copies->before[i].seq;

	return seq % 2 == 0 && copies->slot[i].seq == seq && copies->after[i].seq == seq;
}

/* Reads one slot again until it holds still, as long as there are tries left. */
static bool settle(const struct cwr_session_file *file, struct cw_slot *ret_slot, uint64_t offset,
		   int *tries)
{
	struct copies copies;

	for (; *tries > 0; --*tries) {
		if (!read_copies(file, &copies, 1, offset))
			return false;
		if (is_whole(&copies, 0)) {
			*ret_slot = copies.slot[0];
			return true;
		}
		sched_yield();
	}
	return false;
}

/* The first slot at or after index that lies in written blocks; n if there is none. */
static size_t skip_hole(const struct cwr_session_file *file, uint64_t start, size_t index, size_t n)
{
	off_t from = (off_t)(start + index * sizeof(struct cw_slot));
	off_t data;

	if (file->base)
		return index;
	data = lseek(file->fd, from, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? n : index;
	index = ((uint64_t)data - start) / sizeof(struct cw_slot);
	return index < n ? index : n;
}

struct cwr_slot_walk cwr_session_walk_slots(const struct cwr_session_file *file,
					    enum cw_section_id id, cwr_slot_visitor *visit,
					    void *context)
{
	const uint64_t start = file->header.section[id].offset;
	struct cwr_slot_walk walk = {0};
	struct copies copies;
	int tries = TRIES;
	size_t n, count;

	walk.is_damaged = !cwr_session_section_entries(file, id, &n);
	for (size_t i = skip_hole(file, start, 0, n); i < n;
	     i = skip_hole(file, start, i + count, n)) {
		uint64_t offset = start + i * sizeof(struct cw_slot);

		count = n - i < CHUNK ? n - i : CHUNK;
		if (!read_copies(file, &copies, count, offset)) {
			walk.is_damaged = true;
			break;
		}
		for (size_t j = 0; j < count; j++) {
			struct cw_slot *slot = &copies.slot[j];

			if (!is_whole(&copies, j) &&
			    !settle(file, slot, offset + j * sizeof(*slot), &tries))
				walk.torn++;
			else if (slot->cookie)
				visit(context, i + j, slot);
		}
	}
	return walk;
}
