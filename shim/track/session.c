/* SPDX-License-Identifier: MIT */
/*
 * The session file.  It is made at the first socket, sparse and at its full size, mapped once, and
 * its descriptor is closed at once: the mapping outlives chroot, lost privileges and close-all
 * loops. Blocks are made real with MADV_POPULATE_WRITE before they are touched, which needs no
 * descriptor and answers EFAULT where a plain write would kill the host with SIGBUS (madvise(2),
 * Linux 5.14).
 */
#include "track/session.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/layouts.h"
#include "core/options.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/real.h"
#include "core/tables.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/children.h"
#include "track/describe.h"
#include "track/memory.h"
#include "track/modules.h"
#include "track/notify.h"
#include "track/plan.h"
#include "track/room.h"
#include "track/slots.h"
#include "track/storage.h"

#include "core/poison.h"

enum state { UNBORN, BUILDING, READY, OFF };

static struct cw_map maps[2];
static CW_FORKED uint32_t own_place; /* 0 or 1; the family has the other one */
static CW_FORKED uint32_t family_fork;
static CW_FORKED uint64_t family_forked_at;
static CW_FORKED _Atomic int state = UNBORN;
CW_FORKED struct cw_map *_Atomic cw_session_ready; /* in state READY */
static CW_FORKED _Atomic int builder;		   /* thread id of whoever is building */

static void (*birth_function)(void);

static struct cw_map *own(void)
{
	return &maps[own_place];
}

static struct cw_map *family(void)
{
	return &maps[!own_place];
}

_Static_assert((int)CW_PLAN_BEGIN <= (int)CW_BLOCK, "no block but the header's has the gap");

struct cw_map *cw_session_family(void)
{
	return family()->header ? family() : NULL;
}

struct cw_map *cw_session_here(void)
{
	struct cw_map *map = cw_session_own();

	return map ? map : cw_session_family();
}

uint32_t cw_session_family_fork(void)
{
	return family_fork;
}

uint64_t cw_session_family_forked_at(void)
{
	return family_forked_at;
}

const char *cw_session_path(void)
{
	return cw_session_own() && !cw_memory_is_session(own()) ? cw_storage_path() : "";
}

void cw_session_on_birth(void (*function)(void))
{
	birth_function = function;
}

/* Makes the blocks of [offset, offset + size) real.  0, or -errno. */
static long touch(struct cw_map *map, uint64_t offset, uint64_t size)
{
	uint64_t last = (offset + size - 1) / CW_BLOCK;

	for (uint64_t block = offset / CW_BLOCK; block <= last; block++) {
		uint64_t bit = 1ull << (block % 64);
		long ret;

		if (atomic_load_explicit(&map->touched[block / 64], memory_order_relaxed) & bit)
			continue;
		if (cw_is_sandboxed)
			return -EPERM;
		ret = cw_raw(SYS_madvise, (char *)map->header + block * CW_BLOCK, CW_BLOCK,
			     MADV_POPULATE_WRITE);
		if (ret < 0)
			return ret;
		atomic_fetch_or_explicit(&map->touched[block / 64], bit, memory_order_relaxed);
	}
	return 0;
}

void *cw_session_make_range(struct cw_map *map, enum cw_section_id id, uint64_t offset,
			    uint64_t size)
{
	struct cw_section *section = &map->header->section[id];
	long ret = touch(map, section->offset + offset, size);

	if (ret < 0) {
		/* In a sandbox what has room is recorded on. */
		if (!cw_is_sandboxed)
			cw_session_off(CW_OFF_SPACE, (int)-ret);
		return NULL;
	}
	return (char *)map->header + section->offset + offset;
}

void *cw_session_peek(struct cw_map *map, enum cw_section_id id, uint32_t index)
{
	struct cw_section *section = &map->header->section[id];
	uint64_t size = section->entry_size, offset = index * size;
	uint64_t first, last;

	if (offset + size > section->size)
		return NULL;
	first = (section->offset + offset) / CW_BLOCK;
	last = (section->offset + offset + size - 1) / CW_BLOCK;
	for (uint64_t block = first; block <= last; block++)
		if (!(atomic_load_explicit(&map->touched[block / 64], memory_order_relaxed) &
		      1ull << (block % 64)))
			return NULL;
	return (char *)map->header + section->offset + offset;
}

static void describe_family(struct cw_session_header *header)
{
	if (!family()->header)
		return;
	header->from_fork = 1;
	header->t_forked = family_forked_at;
	header->parent_pid = family()->header->pid;
	header->parent_fork_seq = family_fork;
	header->parent_t_start = family()->header->t_start;
}

static void name_functions(struct cw_map *map)
{
	char *names =
		cw_session_range(map, CW_SECTION_FUNCTIONS, 0, CW_FN_count * CW_FUNCTION_NAME);

	for (unsigned int fn = 0; names && fn < CW_FN_count; fn++) {
		struct cw_text text = {names + fn * CW_FUNCTION_NAME, CW_FUNCTION_NAME, 0, false};

		cw_text_add(&text, cw_fn_name(fn));
	}
	map->header->section[CW_SECTION_FUNCTIONS].used = CW_FN_count;
}

static void set_backed(uint64_t blocks)
{
	for (size_t i = 0; i < sizeof(own()->touched) / sizeof(own()->touched[0]); i++)
		atomic_store_explicit(&own()->touched[i], blocks, memory_order_relaxed);
}

/* Everything but what describes the process; the header and the index of stacks are backed. */
static void fill(const struct cw_plan *plan)
{
	struct cw_session_header *header = own()->header;
	struct cw_text version = CW_TEXT(header->shim_version);

	for (int i = 0; i < CW_SECTIONS; i++)
		header->section[i] = plan->section[i];
	for (int i = 0; i < 8; i++)
		header->magic[i] = CW_SESSION_MAGIC[i];
	/* Stack id 0 means none: the first stack stands at offset 8. */
	header->section[CW_SECTION_STACKS].used = 8;
	header->version = CW_SESSION_VERSION;
	header->header_size = sizeof(*header);
	header->sections = CW_SECTIONS;
	cw_text_add(&version, CWSHIM_VERSION);
}

static void finish(struct cw_session_header *header)
{
	describe_family(header);
	name_functions(own());
	cw_modules_record(own());
	/* Pairs with the reader's check: everything above is there when `ready` is. */
	__atomic_store_n(&header->ready, 1, __ATOMIC_RELEASE);
}

static bool fill_file(const struct cw_plan *plan, uint32_t slots)
{
	const struct cw_section *index = &plan->section[CW_SECTION_STACK_INDEX];

	set_backed(0);
	own()->slots = slots;
	own()->size = plan->size;
	own()->common_end = plan->common_end;
	own()->goes_with_fork = false;
	if (touch(own(), 0, CW_PLAN_BEGIN) < 0)
		return cw_storage_refuse("has no room (or the kernel is older than 5.14)");
	if (touch(own(), index->offset, index->size) < 0)
		return cw_storage_refuse("has no room");
	fill(plan);
	cw_describe_process(own()->header);
	finish(own()->header);
	return true;
}

/* What the process is, the report sees itself while it lives. */
static bool build_in_memory(void)
{
	struct cw_plan plan = cw_plan_make(0);

	if (plan.size > CW_MEMORY_BYTES)
		return false;
	own()->header = cw_memory_session();
	own()->slots = cw_plan_slots_in_memory();
	set_backed(UINT64_MAX);
	fill(&plan);
	own()->header->flags =
		CW_SESSION_IN_MEMORY | (cw_is_sandboxed ? (uint32_t)CW_SESSION_SANDBOXED : 0);
	own()->header->pid = cw_process_id();
	own()->header->t_start = cw_now();
	own()->header->unwinder = cw_unwind_kind();
	own()->header->late = cw_options.late.number;
	finish(own()->header);
	return true;
}

static bool build_file(void)
{
	uint32_t slots = cw_room_slots();
	struct cw_plan plan = cw_plan_make(slots);

	own()->header = cw_storage_make(plan.size);
	if (!own()->header)
		return false;
	if (fill_file(&plan, slots))
		return true;
	cw_raw(SYS_munmap, own()->header, plan.size);
	own()->header = NULL;
	cw_storage_remove();
	return false;
}

/* Of this process, that it could have no session. */
static CW_FORKED bool is_untold;

/* The mark is seen by who may not read the memory. */
static void tell_of_refusal(void)
{
	if (family()->header)
		cw_count(family()->header->lost_sessions);
	cw_storage_leave_mark();
	is_untold = !cw_notify_refused();
}

/* There may be a descriptor to be had by now. */
void cw_session_tell_again(void)
{
	if (!is_untold || cw_is_sandboxed)
		return;
	cw_storage_leave_mark();
	is_untold = !cw_notify_refused();
}

static bool build(void)
{
	if (!cw_is_sandboxed && build_file())
		return true;
	if (!cw_is_sandboxed)
		tell_of_refusal();
	return build_in_memory();
}

/* Another thread is building: it takes well under a millisecond.  A handler must not wait for
 * itself. */
static struct cw_map *wait_for_builder(void)
{
	for (int tries = 0; tries < 10000; tries++) {
		if (atomic_load_explicit(&builder, memory_order_relaxed) == cw_thread_id())
			return NULL;
		if (atomic_load_explicit(&state, memory_order_acquire) != BUILDING)
			return cw_session_own();
		if (!cw_is_sandboxed)
			cw_raw(SYS_sched_yield);
	}
	return NULL;
}

struct cw_map *cw_session_ensure(void)
{
	int expected = UNBORN, error = errno;
	bool is_built;

	if (atomic_load_explicit(&state, memory_order_acquire) == READY)
		return own();
	if (!atomic_compare_exchange_strong(&state, &expected, BUILDING))
		return expected == BUILDING ? wait_for_builder() : cw_session_own();
	atomic_store_explicit(&builder, cw_thread_id(), memory_order_relaxed);
	is_built = build();
	cw_error_restore(error);
	if (!is_built) {
		atomic_store_explicit(&state, OFF, memory_order_release);
		return NULL;
	}
	/* Release: whoever sees READY sees the whole session. */
	atomic_store_explicit(&cw_session_ready, own(), memory_order_release);
	atomic_store_explicit(&state, READY, memory_order_release);
	if (!cw_memory_is_session(own()))
		cw_children_enter(own()->header);
	cw_slots_adopt();
	if (birth_function && !cw_is_sandboxed)
		birth_function();
	return own();
}

/* In a sandbox a mapping that nobody needs any more stays. */
static void forget_family(struct cw_map *older)
{
	if (!older->header)
		return;
	if (!cw_is_sandboxed)
		cw_raw(SYS_munmap, older->header, older->size);
	older->header = NULL;
}

/*
 * Not before a process forks: most never do.  What children seldom need is a mapping apart, of
 * which no tables are copied; that it is not dumped, as no file's shared mapping is unless somebody
 * asks (core(5)), tells it from the rest.
 */
static void split(const struct cw_map *map)
{
	const struct cw_section *index = &map->header->section[CW_SECTION_STACK_INDEX];
	char *at = (char *)map->header;

	/* Backed by storage, but as long as it is not used in nobody's tables. */
	if (!cw_is_sandboxed)
		cw_raw(SYS_madvise, at + index->offset + 4096, index->size - 4096, MADV_DONTNEED);
	if (!cw_is_sandboxed && cw_raw(SYS_madvise, at + map->common_end,
				       map->size - map->common_end, MADV_DONTDUMP) == 0)
		cw_tables_copy(at + CW_PLAN_GAP);
}

void cw_session_before_fork(void)
{
	struct cw_map *map = cw_session_own();

	if (!map || map->goes_with_fork)
		return;
	map->goes_with_fork = true;
	cw_layouts_go_with_fork();
	cw_tables_copy_library();
	if (!cw_memory_is_session(map))
		split(map);
}

void cw_session_after_fork(uint32_t fork_seq, uint64_t t)
{
	int was = atomic_load_explicit(&state, memory_order_relaxed);

	atomic_store_explicit(&builder, 0, memory_order_relaxed);
	if (cw_memory_is_session(cw_session_own())) {
		cw_memory_after_fork(own(), fork_seq, t);
		return;
	}
	cw_slots_after_fork();
	if (was == READY) {
		atomic_store_explicit(&cw_session_ready, NULL, memory_order_relaxed);
		forget_family(family());
		own_place = !own_place;
		family_fork = fork_seq;
		family_forked_at = t;
	}
	/* A half-built session of the parent is abandoned here; the parent goes on with it. */
	if (was == BUILDING)
		own()->header = NULL;
	if (was != OFF)
		atomic_store_explicit(&state, UNBORN, memory_order_release);
}

/*
 * The blocks that are likely to be needed are made real while that can be asked for.  Where there
 * is no room, what has none is not recorded.
 */
static void reserve(struct cw_map *map)
{
	static const struct {
		enum cw_section_id id;
		uint64_t bytes;
	} wanted[] = {
		{CW_SECTION_SLOTS, 1024 * sizeof(struct cw_slot)},
		{CW_SECTION_STACKS, 256 << 10},
		{CW_SECTION_SITES, CW_SITES * sizeof(struct cw_site)},
		{CW_SECTION_FORKS, 256 * sizeof(struct cw_fork)},
		{CW_SECTION_EVENTS, 256 * sizeof(struct cw_event)},
		{CW_SECTION_MODULES, 64 * sizeof(struct cw_module)},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		touch(map, map->header->section[wanted[i].id].offset, wanted[i].bytes);
}

void cw_session_enter_sandbox(void)
{
	struct cw_map *map = cw_session_own();

	if (!map)
		return;
	reserve(map);
	map->header->flags |= CW_SESSION_SANDBOXED;
}

void cw_session_leave_sandbox(void)
{
	struct cw_map *map = cw_session_own();

	if (map)
		map->header->flags &= ~(uint32_t)CW_SESSION_SANDBOXED;
}

void cw_session_off(enum cw_off why, int error)
{
	struct cw_map *map = cw_session_own();

	if (!map || map->header->off)
		return;
	map->header->off_errno = error;
	map->header->off = why;
}

void cw_session_end(enum cw_end how, int status, bool remove)
{
	struct cw_map *map = cw_session_own();

	if (!map)
		return;
	map->header->t_end = cw_now();
	map->header->end_status = status;
	map->header->end = how;
	if (!remove || cw_is_sandboxed || cw_memory_is_session(map))
		return;
	cw_children_leave(map->header);
	cw_storage_remove();
}
