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
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "core/clock.h"
#include "core/options.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/real.h"
#include "core/text.h"
#include "core/thread.h"
#include "core/unwind.h"
#include "track/children.h"
#include "track/describe.h"
#include "track/memory.h"
#include "track/modules.h"
#include "track/notify.h"
#include "track/slots.h"
#include "track/storage.h"

#include "core/poison.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum state { UNBORN, BUILDING, READY, OFF };

static struct cw_map maps[2];
static CW_FORKED struct cw_map *own = &maps[0];
static CW_FORKED struct cw_map *family = &maps[1];
static CW_FORKED uint32_t family_fork;
static CW_FORKED uint64_t family_forked_at;
static CW_FORKED _Atomic int state = UNBORN;
CW_FORKED struct cw_map *_Atomic cw_session_ready; /* own, in state READY */
static CW_FORKED _Atomic int builder;		   /* thread id of whoever is building */

static void (*birth_function)(void);

#define HEADER_SPACE 4096u
_Static_assert(sizeof(struct cw_session_header) <= HEADER_SPACE, "the header has its own block");

/* What only children read is not kept in memory, which they do not share. */
static const struct {
	uint32_t entry_size;
	uint32_t capacity;
	uint32_t capacity_in_memory;
} layout[CW_SECTIONS] = {
	[CW_SECTION_MODULES] = {sizeof(struct cw_module), CW_MODULES, 256},
	[CW_SECTION_STACK_INDEX] = {sizeof(uint32_t), CW_STACK_INDEX, CW_STACK_INDEX},
	[CW_SECTION_STACKS] = {1, CW_STACK_BYTES, 512 << 10},
	[CW_SECTION_SITES] = {sizeof(struct cw_site), CW_SITES, CW_SITES},
	[CW_SECTION_FORKS] = {sizeof(struct cw_fork), CW_FORKS, CW_FORKS},
	[CW_SECTION_EVENTS] = {sizeof(struct cw_event), CW_EVENTS, CW_EVENTS},
	[CW_SECTION_HANDED] = {sizeof(struct cw_slot), CW_HANDED, 0},
	[CW_SECTION_CHILDREN] = {sizeof(struct cw_child), CW_CHILDREN, 0},
	[CW_SECTION_FUNCTIONS] = {CW_FUNCTION_NAME, CW_FUNCTIONS, CW_FUNCTIONS},
	[CW_SECTION_SLOTS] = {sizeof(struct cw_slot), 0, 2048}, /* else by the limit */
};

struct cw_map *cw_session_family(void)
{
	return family->header ? family : NULL;
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
	return cw_session_own() && !cw_memory_is_session(own) ? cw_storage_path() : "";
}

void cw_session_on_birth(void (*function)(void))
{
	birth_function = function;
}

static uint32_t slots_wanted(void)
{
	struct rlimit limit = {1024, 1024};

	cw_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	if (limit.rlim_max < 65536)
		return 65536;
	return limit.rlim_max < CW_SLOTS_MAX ? (uint32_t)limit.rlim_max : CW_SLOTS_MAX;
}

/* slots 0: in memory. */
static uint32_t capacity_of(enum cw_section_id id, uint32_t slots)
{
	if (!slots)
		return layout[id].capacity_in_memory;
	return id == CW_SECTION_SLOTS ? slots : layout[id].capacity;
}

static uint64_t plan_sections(struct cw_section *sections, uint32_t slots)
{
	uint64_t end = HEADER_SPACE;

	for (int i = 0; i < CW_SECTIONS; i++) {
		uint32_t capacity = capacity_of(i, slots);

		sections[i].offset = end;
		sections[i].entry_size = layout[i].entry_size;
		sections[i].size = (uint64_t)layout[i].entry_size * capacity;
		end += (sections[i].size + 4095) & ~4095ull;
	}
	return end;
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
	uint64_t offset = (uint64_t)index * layout[id].entry_size;
	uint64_t first, last;

	if (offset + layout[id].entry_size > section->size)
		return NULL;
	first = (section->offset + offset) / CW_BLOCK;
	last = (section->offset + offset + layout[id].entry_size - 1) / CW_BLOCK;
	for (uint64_t block = first; block <= last; block++)
		if (!(atomic_load_explicit(&map->touched[block / 64], memory_order_relaxed) &
		      1ull << (block % 64)))
			return NULL;
	return (char *)map->header + section->offset + offset;
}

static void describe_family(struct cw_session_header *header)
{
	if (!family->header)
		return;
	header->from_fork = 1;
	header->t_forked = family_forked_at;
	header->parent_pid = family->header->pid;
	header->parent_fork_seq = family_fork;
	header->parent_t_start = family->header->t_start;
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
	for (size_t i = 0; i < sizeof(own->touched) / sizeof(own->touched[0]); i++)
		atomic_store_explicit(&own->touched[i], blocks, memory_order_relaxed);
}

/* Everything but what describes the process; the header and the index of stacks are backed. */
static void fill(const struct cw_section *sections)
{
	struct cw_session_header *header = own->header;
	struct cw_text version = CW_TEXT(header->shim_version);

	for (int i = 0; i < CW_SECTIONS; i++)
		header->section[i] = sections[i];
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
	name_functions(own);
	cw_modules_record(own);
	/* Pairs with the reader's check: everything above is there when `ready` is. */
	__atomic_store_n(&header->ready, 1, __ATOMIC_RELEASE);
}

static bool fill_file(const struct cw_section *sections, uint32_t slots)
{
	const struct cw_section *index = &sections[CW_SECTION_STACK_INDEX];

	set_backed(0);
	own->slots = slots;
	if (touch(own, 0, HEADER_SPACE) < 0)
		return cw_storage_refuse("has no room (or the kernel is older than 5.14)");
	if (touch(own, index->offset, index->size) < 0)
		return cw_storage_refuse("has no room");
	fill(sections);
	cw_describe_process(own->header);
	finish(own->header);
	return true;
}

/* What the process is, the report sees itself while it lives. */
static bool build_in_memory(void)
{
	struct cw_section sections[CW_SECTIONS] = {0};

	if (plan_sections(sections, 0) > CW_MEMORY_BYTES)
		return false;
	own->header = cw_memory_session();
	own->slots = layout[CW_SECTION_SLOTS].capacity_in_memory;
	set_backed(UINT64_MAX);
	fill(sections);
	own->header->flags =
		CW_SESSION_IN_MEMORY | (cw_is_sandboxed ? (uint32_t)CW_SESSION_SANDBOXED : 0);
	own->header->pid = cw_process_id();
	own->header->t_start = cw_now();
	own->header->unwinder = cw_unwind_kind();
	own->header->late = cw_options.late.number;
	finish(own->header);
	return true;
}

static bool build_file(void)
{
	struct cw_section sections[CW_SECTIONS] = {0};
	uint32_t slots = slots_wanted();
	uint64_t size = plan_sections(sections, slots);

	own->header = cw_storage_make(size);
	if (!own->header)
		return false;
	if (fill_file(sections, slots))
		return true;
	cw_raw(SYS_munmap, own->header, size);
	own->header = NULL;
	cw_storage_remove();
	return false;
}

/* The mark is seen by who may not read the memory. */
static void tell_of_refusal(void)
{
	if (family->header)
		cw_count(family->header->lost_sessions);
	cw_storage_leave_mark();
	cw_notify_refused();
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
		return own;
	if (!atomic_compare_exchange_strong(&state, &expected, BUILDING))
		return expected == BUILDING ? wait_for_builder() : cw_session_own();
	atomic_store_explicit(&builder, cw_thread_id(), memory_order_relaxed);
	is_built = build();
	errno = error;
	if (!is_built) {
		atomic_store_explicit(&state, OFF, memory_order_release);
		return NULL;
	}
	/* Release: whoever sees READY sees the whole session. */
	atomic_store_explicit(&cw_session_ready, own, memory_order_release);
	atomic_store_explicit(&state, READY, memory_order_release);
	if (!cw_memory_is_session(own))
		cw_children_enter(own->header);
	cw_slots_adopt();
	if (birth_function && !cw_is_sandboxed)
		birth_function();
	return own;
}

static uint64_t mapped_size(const struct cw_map *map)
{
	const struct cw_section *last = &map->header->section[CW_SECTION_SLOTS];

	return last->offset + ((last->size + 4095) & ~4095ull);
}

/* In a sandbox a mapping that nobody needs any more stays. */
static void forget_family(struct cw_map *older)
{
	if (older->header && !cw_is_sandboxed)
		cw_raw(SYS_munmap, older->header, mapped_size(older));
}

void cw_session_after_fork(uint32_t fork_seq, uint64_t t)
{
	int was = atomic_load_explicit(&state, memory_order_relaxed);

	atomic_store_explicit(&builder, 0, memory_order_relaxed);
	if (cw_memory_is_session(cw_session_own())) {
		cw_memory_after_fork(own, fork_seq, t);
		return;
	}
	cw_slots_after_fork();
	if (was == READY) {
		struct cw_map *older = family;

		atomic_store_explicit(&cw_session_ready, NULL, memory_order_relaxed);
		forget_family(older);
		older->header = NULL;
		family = own;
		own = older;
		family_fork = fork_seq;
		family_forked_at = t;
	}
	/* A half-built session of the parent is abandoned here; the parent goes on with it. */
	if (was == BUILDING)
		own->header = NULL;
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
