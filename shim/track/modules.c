/* SPDX-License-Identifier: MIT */
/*
 * Writes which objects are mapped where, with their build-ids, so that the reporter can name
 * addresses after the process is gone.  Objects that come later by dlopen are added when an address
 * of theirs is met for the first time.
 */
#include "track/modules.h"

#include <elf.h>
#include <link.h>

#include "core/text.h"

#include "core/poison.h"

static struct cw_module *find(struct cw_map *map, uint64_t address)
{
	uint32_t used = map->header->section[CW_SECTION_MODULES].used;

	for (uint32_t i = 0; i < used; i++) {
		struct cw_module *module = cw_session_peek(map, CW_SECTION_MODULES, i);

		if (module && module->ready && address >= module->start && address < module->end)
			return module;
	}
	return NULL;
}

static void read_build_id(struct cw_module *module, const struct dl_phdr_info *info,
			  const ElfW(Phdr) * phdr)
{
	const char *at = (const char *)(info->dlpi_addr + phdr->p_vaddr);
	const char *end = at + phdr->p_memsz;

	while (at + sizeof(ElfW(Nhdr)) <= end) {
		const ElfW(Nhdr) *note = (const void *)at;
		const char *name = at + sizeof(*note);
		const char *desc = name + ((note->n_namesz + 3) & ~3u);

		at = desc + ((note->n_descsz + 3) & ~3u);
		if (note->n_type != NT_GNU_BUILD_ID || note->n_namesz != 4 ||
		    !cw_streq(name, "GNU") || note->n_descsz > CW_BUILD_ID_MAX || at > end)
			continue;
		module->build_id_len = note->n_descsz;
		for (uint32_t i = 0; i < note->n_descsz; i++)
			module->build_id[i] = (uint8_t)desc[i];
	}
}

static void measure(struct cw_module *module, const struct dl_phdr_info *info)
{
	module->start = UINT64_MAX;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type == PT_NOTE)
			read_build_id(module, info, phdr);
		if (phdr->p_type != PT_LOAD)
			continue;
		if (start < module->start)
			module->start = start;
		if (start + phdr->p_memsz > module->end)
			module->end = start + phdr->p_memsz;
	}
}

static int record_one(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct cw_map *map = arg;
	struct cw_module found = {.bias = info->dlpi_addr};
	struct cw_text path = CW_TEXT(found.path);
	uint32_t *used = &map->header->section[CW_SECTION_MODULES].used;
	struct cw_module *module;
	uint32_t index;

	measure(&found, info);
	if (found.start >= found.end || find(map, found.start))
		return 0;
	/* The main program has an empty name here. */
	cw_text_add(&path, *info->dlpi_name ? info->dlpi_name : map->header->exe);
	index = __atomic_fetch_add(used, 1, __ATOMIC_RELAXED);
	module = cw_session_entry(map, CW_SECTION_MODULES, index);
	if (!module) {
		__atomic_fetch_sub(used, 1, __ATOMIC_RELAXED);
		return 1;
	}
	*module = found;
	__atomic_store_n(&module->ready, 1, __ATOMIC_RELEASE);
	return 0;
}

void cw_modules_record(struct cw_map *map)
{
	dl_iterate_phdr(record_one, map);
}

void cw_modules_cover(struct cw_map *map, const uint64_t *ips, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!find(map, ips[i])) {
			/* Code made at run time is in no object: asked once for each new stack. */
			cw_modules_record(map);
			return;
		}
}
