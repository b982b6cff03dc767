/* SPDX-License-Identifier: MIT */
/*
 * Two tables from addresses to layouts, without locks, for use in signal handlers.
 *
 * `shared` holds what is learned of objects that the process started with and that stay: it is
 * true in every forked child too, so it lies in shared memory, and what one child learns the next
 * one knows.  `own` is private to the process and holds the rest; there a layout is valid only
 * together with a stamp of the object that it was learned from and of the number of dlclose() calls
 * so far, because another object may be mapped to the same addresses later.
 *
 * A key, once claimed, stays; its value is one word, read and written in one piece.  A table that
 * is full takes no more; `own` is emptied at a dlclose() when it is half full.  A reader that meets
 * an entry in between finds a stamp that is not its own.
 */
#include "core/layouts.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/cfi.h"
#include "core/raw.h"
#include "core/sandbox.h"
#include "core/tables.h"
#include "core/thread.h"

#include "core/poison.h"

#if defined(__x86_64__) && defined(DLFO_STRUCT_HAS_EH_DBASE)

enum {
	SLOTS_LOG = 12,
	SLOTS = 1 << SLOTS_LOG, /* of 16 bytes: what the kernel maps around a first read (64 KiB) */
	NEAR = 4096 / 16,	/* of them in one page, which most processes can do with */
	NEAR_PROBES = 8,
	PROBES = 16,
	STAYING_MAX = 128,
	STAMP_BITS = 64 - CW_LAYOUT_BITS
};

enum { STAMP_SHARED = 1 };

struct slot {
	_Atomic uintptr_t pc;
	_Atomic uint64_t value; /* the packed layout, above it the stamp; 0: not yet */
};

static int (*find_object)(void *address, struct dl_find_object *ret);

static struct slot own[SLOTS];
static atomic_uint own_used;
static struct slot *_Atomic shared;

/* Objects that were there when the constructor ran. */
static struct {
	uintptr_t start;
	const void *identity;
} staying[STAYING_MAX];
static unsigned int staying_count;

static atomic_uint closings; /* calls of dlclose() that began or ended */

/*
 * Where the segments of an object do not lie side by side, _dl_find_object() gives the bounds of
 * one: then it is asked for that of the frame data too.
 */
static bool find(uintptr_t pc, struct cw_object *ret)
{
	struct dl_find_object found, data;

	if (!find_object || find_object((void *)pc, &found) != 0)
		return false;
	data = found;
	if (found.dlfo_eh_frame &&
	    (found.dlfo_eh_frame < found.dlfo_map_start ||
	     found.dlfo_eh_frame >= found.dlfo_map_end) &&
	    (find_object(found.dlfo_eh_frame, &data) != 0 ||
	     data.dlfo_link_map != found.dlfo_link_map))
		found.dlfo_eh_frame = NULL;
	*ret = (struct cw_object){
		.start = (uintptr_t)found.dlfo_map_start,
		.end = (uintptr_t)found.dlfo_map_end,
		.eh_frame_hdr = found.dlfo_eh_frame,
		.data_start = (uintptr_t)data.dlfo_map_start,
		.data_end = (uintptr_t)data.dlfo_map_end,
		.identity = found.dlfo_link_map,
	};
	return true;
}

static const uint64_t FACTOR = 0x9e3779b97f4a7c15u;

static uint64_t mix(uint64_t x)
{
	x *= FACTOR;
	return x ^ x >> 32;
}

static unsigned int hash_of(uintptr_t pc)
{
	return (unsigned int)(pc * FACTOR >> (64 - SLOTS_LOG));
}

/* Where to look for an address, the i-th time. */
static inline struct slot *slot_at(struct slot *table, unsigned int hash, unsigned int i)
{
	return &table[(hash + i) % (i < NEAR_PROBES ? NEAR : SLOTS)];
}

/* Of the same object, the stamps before and after a dlclose() always differ. */
static uint32_t stamp_of(const struct cw_object *object, unsigned int generation)
{
	uint64_t hash = mix(object->start) + object->end;

	hash = mix(hash) + (uintptr_t)object->eh_frame_hdr;
	hash = mix(hash) + (uintptr_t)object->identity;
	return (uint32_t)(mix(hash) + generation) & ((1u << STAMP_BITS) - 1);
}

/* 0: not there, or not of this stamp. */
static inline uint64_t look_up(struct slot *table, uintptr_t pc, uint32_t stamp)
{
	unsigned int hash = hash_of(pc);

	for (unsigned int i = 0; i < PROBES; i++) {
		struct slot *slot = slot_at(table, hash, i);
		/* Acquire: pairs with the claim and the store in remember(). */
		uintptr_t key = atomic_load_explicit(&slot->pc, memory_order_acquire);
		uint64_t value;

		if (key == pc) {
			value = atomic_load_explicit(&slot->value, memory_order_acquire);
			return value >> CW_LAYOUT_BITS == stamp ? value : 0;
		}
		if (!key)
			return 0;
	}
	return 0;
}

static bool claim(struct slot *slot, uintptr_t pc, bool *ret_is_new)
{
	uintptr_t key = 0;

	*ret_is_new = atomic_compare_exchange_strong_explicit(
		&slot->pc, &key, pc, memory_order_acq_rel, memory_order_acquire);
	return *ret_is_new || key == pc;
}

static void remember(struct slot *table, uintptr_t pc, uint32_t stamp,
		     const struct cw_layout *layout)
{
	uint64_t value = cw_layout_pack(layout) | (uint64_t)stamp << CW_LAYOUT_BITS;
	unsigned int hash = hash_of(pc);
	bool is_new;

	for (unsigned int i = 0; i < PROBES; i++) {
		struct slot *slot = slot_at(table, hash, i);

		if (!claim(slot, pc, &is_new))
			continue;
		if (is_new && table == own)
			atomic_fetch_add_explicit(&own_used, 1, memory_order_relaxed);
		atomic_store_explicit(&slot->value, value, memory_order_release);
		return;
	}
}

static bool is_staying(const struct cw_object *object)
{
	for (unsigned int i = 0; i < staying_count; i++)
		if (staying[i].identity == object->identity)
			return true;
	return false;
}

/* Of an object that may go. */
static struct cw_layout find_own(const struct cw_object *object, uintptr_t pc,
				 unsigned int generation)
{
	uint32_t stamp = stamp_of(object, generation);
	uint64_t known = look_up(own, pc, stamp);
	struct cw_layout layout;

	if (known)
		return cw_layout_unpack(known);
	layout = cw_cfi_layout(object, pc);
	remember(own, pc, stamp, &layout);
	return layout;
}

/* What is not in the shared table, or while a dlclose() is under way. */
static __attribute__((noinline)) struct cw_layout find_elsewhere(uintptr_t pc, struct slot *common)
{
	unsigned int generation = atomic_load(&closings);
	struct cw_object object;
	struct cw_layout layout;

	if (!find(pc, &object))
		return (struct cw_layout){.kind = find_object ? CW_LAYOUT_NONE : CW_LAYOUT_OTHER};
	if (atomic_load(&cw_wiped->closers) > 0)
		return cw_cfi_layout(&object, pc);
	if (!common || !is_staying(&object))
		return find_own(&object, pc, generation);
	layout = cw_cfi_layout(&object, pc);
	remember(common, pc, STAMP_SHARED, &layout);
	return layout;
}

bool cw_layouts_last(void)
{
	return atomic_load_explicit(&shared, memory_order_relaxed) &&
	       atomic_load(&cw_wiped->closers) <= 0;
}

bool cw_layouts_is_lasting(uintptr_t pc)
{
	struct slot *common = atomic_load_explicit(&shared, memory_order_relaxed);

	return common && look_up(common, pc, STAMP_SHARED);
}

struct cw_layout cw_layouts_find(uintptr_t pc)
{
	struct slot *common = atomic_load_explicit(&shared, memory_order_relaxed);
	uint64_t known = 0;

	if (__builtin_expect(common && atomic_load(&cw_wiped->closers) <= 0, 1))
		known = look_up(common, pc, STAMP_SHARED);
	if (__builtin_expect(known != 0, 1))
		return cw_layout_unpack(known);
	return find_elsewhere(pc, common);
}

static int note_staying(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct cw_object object;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type != PT_LOAD || !find(info->dlpi_addr + phdr->p_vaddr, &object))
			continue;
		if (staying_count == STAYING_MAX)
			return 1;
		staying[staying_count].start = object.start;
		staying[staying_count++].identity = object.identity;
		return 0;
	}
	return 0;
}

/*
 * Aligned to its size, so that one page fault of a child maps all of it.  A page for
 * cw_layouts_go_with_fork() follows.
 */
static struct slot *map_shared(void)
{
	uintptr_t size = SLOTS * sizeof(struct slot), at, end;
	long ret = cw_raw(SYS_mmap, NULL, 2 * size + CW_TABLES_GAP, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ret < 0 && ret > -4096)
		return NULL;
	at = ((uintptr_t)ret + size - 1) & ~(size - 1);
	end = at + size + CW_TABLES_GAP;
	if (at > (uintptr_t)ret)
		cw_raw(SYS_munmap, ret, at - (uintptr_t)ret);
	if (end < (uintptr_t)ret + 2 * size + CW_TABLES_GAP)
		cw_raw(SYS_munmap, end, (uintptr_t)ret + 2 * size + CW_TABLES_GAP - end);
	return (struct slot *)at;
}

void cw_layouts_go_with_fork(void)
{
	struct slot *common = atomic_load_explicit(&shared, memory_order_relaxed);

	if (!common)
		return;
	cw_tables_copy(common + SLOTS);
	/* What only children have learned shall be in their parent's tables too. */
	if (!cw_is_sandboxed)
		cw_raw(SYS_madvise, common, NEAR * sizeof(struct slot), MADV_POPULATE_WRITE);
}

void cw_layouts_init(void)
{
	find_object =
		(int (*)(void *, struct dl_find_object *))dlsym(RTLD_DEFAULT, "_dl_find_object");
	if (!find_object)
		return;
	dl_iterate_phdr(note_staying, NULL);
	if (!cw_is_sandboxed)
		atomic_store(&shared, map_shared());
}

bool cw_layouts_are_known(void)
{
	return find_object != NULL;
}

void cw_layouts_before_dlclose(void)
{
	atomic_fetch_add(&cw_wiped->closers, 1);
	atomic_fetch_add(&closings, 1);
}

static void empty_own(void)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		atomic_store_explicit(&own[i].value, 0, memory_order_relaxed);
		atomic_store_explicit(&own[i].pc, 0, memory_order_release);
	}
	atomic_store(&own_used, 0);
}

/* An object that another constructor had opened is gone: nothing is known to stay any more. */
static void check_staying(void)
{
	struct cw_object object;

	for (unsigned int i = 0; i < staying_count; i++)
		if (!find(staying[i].start, &object) || object.identity != staying[i].identity)
			atomic_store(&shared, NULL);
}

void cw_layouts_after_dlclose(void)
{
	check_staying();
	atomic_fetch_add(&closings, 1);
	if (atomic_load(&own_used) > SLOTS / 2)
		empty_own();
	atomic_fetch_sub(&cw_wiped->closers, 1);
}

void cw_layouts_after_fork(void)
{
	if (atomic_load(&cw_wiped->closers) != 0)
		atomic_store(&cw_wiped->closers, 0);
}

#else

void cw_layouts_init(void)
{
}

void cw_layouts_go_with_fork(void)
{
}

bool cw_layouts_are_known(void)
{
	return false;
}

struct cw_layout cw_layouts_find(uintptr_t pc)
{
	return (struct cw_layout){.kind = CW_LAYOUT_OTHER};
}

bool cw_layouts_last(void)
{
	return false;
}

bool cw_layouts_is_lasting(uintptr_t pc)
{
	return false;
}

void cw_layouts_before_dlclose(void)
{
}

void cw_layouts_after_dlclose(void)
{
}

void cw_layouts_after_fork(void)
{
}

#endif
