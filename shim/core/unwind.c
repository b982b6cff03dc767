/* SPDX-License-Identifier: MIT */
/*
 * Stack walking by the layouts of frames (core/walk.h), by libunwind where those do not suffice, by
 * frame pointers, or only to the caller.
 */
#include "core/unwind.h"

#include <errno.h>

#include "core/error.h"
#include "core/layouts.h"
#include "core/libunwind.h"
#include "core/sandbox.h"
#include "core/walk.h"
#include "cwshim/session.h"

#include "core/poison.h"

/* The bounds of this library, from the linker (ld, "Source Code Reference"). */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

enum { OWN_FRAMES = 8 }; /* the deepest chain of our own frames above the host's */

static enum cw_unwinder kind;

static bool is_own(uint64_t ip)
{
	return ip >= (uintptr_t)__ehdr_start && ip < (uintptr_t)_end;
}

enum cw_unwinder cw_unwind_kind(void)
{
	return kind;
}

/* Follows frame pointers; without `all` only as far as the first frame that is not ours. */
static size_t walk_frame_pointers(uint64_t *ips, size_t max, bool all)
{
	const uintptr_t *frame = __builtin_frame_address(0);
	uintptr_t checked_page = (uintptr_t)frame >> 12;
	size_t n = 0;

	while (n < max) {
		uintptr_t next = frame[0];

		ips[n++] = frame[1];
		if (!all && !is_own(frame[1]))
			break;
		if (next <= (uintptr_t)frame || next & 7 || !frame[1])
			break;
		if (next >> 12 != checked_page || (next + 8) >> 12 != checked_page) {
			if (!cw_walk_is_readable((void *)next) ||
			    !cw_walk_is_readable((void *)(next + 8)))
				break;
			checked_page = next >> 12;
		}
		frame = (const uintptr_t *)next;
	}
	return n;
}

static size_t drop_own_frames(uint64_t *ips, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_own(ips[i]))
			ips[kept++] = ips[i];
	return kept;
}

/* Our own functions all keep frame pointers, so their frames need no looking up. */
bool cw_unwind_start(struct cw_walk_start *ret)
{
	const uintptr_t *frame = __builtin_frame_address(0);

	if (kind != CW_UNWIND_LIBUNWIND)
		return false;
	while (is_own(frame[1])) {
		if (frame[0] <= (uintptr_t)frame)
			return false;
		frame = (const uintptr_t *)frame[0];
	}
	*ret = (struct cw_walk_start){.ip = frame[1], .sp = (uintptr_t)(frame + 2), .bp = frame[0]};
	return true;
}

/* The other ways begin with our own frames. */
static size_t take_host_frames(uint64_t *walked, size_t n, uint64_t *ips, size_t max)
{
	n = drop_own_frames(walked, n);
	n = n < max ? n : max;
	for (size_t i = 0; i < n; i++)
		ips[i] = walked[i];
	return n;
}

/*
 * What layouts did not suffice for; they gave the first `known` frames.  Walking by layouts leaves
 * errno alone; to look at it there would bring a page of libc into each forked child.
 */
static size_t walk_otherwise(uint64_t *ips, size_t max, size_t known, uint16_t *ret_flags)
{
	uint64_t walked[CW_STACK_FRAMES_MAX + OWN_FRAMES];
	bool all = kind == CW_UNWIND_FP && !cw_is_sandboxed;
	size_t room = max + OWN_FRAMES, n = 0;
	int saved_errno = errno;

	if (kind == CW_UNWIND_LIBUNWIND)
		n = cw_libunwind_walk(walked, room);
	cw_error_restore(saved_errno);
	if (!n && known) {
		*ret_flags = CW_STACK_CALLER | CW_STACK_CUT;
		return drop_own_frames(ips, known);
	}
	if (!n) {
		*ret_flags = all ? CW_STACK_FP : CW_STACK_CALLER;
		n = walk_frame_pointers(walked, room, all);
	}
	if (n == room)
		*ret_flags |= CW_STACK_CUT;
	return take_host_frames(walked, n, ips, max);
}

size_t cw_unwind(uint64_t *ips, size_t max, uint16_t *ret_flags, struct cw_walk_trace *ret_trace)
{
	struct cw_walk_start start;
	size_t n = 0;

	*ret_flags = 0;
	if (ret_trace)
		ret_trace->is_whole = false;
	if (cw_unwind_start(&start) && cw_walk(&start, ips, max, &n, ret_trace)) {
		*ret_flags = n == max ? CW_STACK_CUT : 0;
		n = drop_own_frames(ips, n);
	} else if (kind != CW_UNWIND_NONE) {
		n = walk_otherwise(ips, max, n, ret_flags);
	}
	return n;
}

void cw_unwind_init(enum cw_unwinder wanted)
{
	kind = wanted;
	if (kind != CW_UNWIND_LIBUNWIND)
		return;
	cw_walk_init();
	cw_layouts_init();
	/* In a sandbox the layouts must do. */
	if (!cw_layouts_are_known() && !cw_is_sandboxed && !cw_libunwind_load())
		kind = CW_UNWIND_FP;
}
