/* SPDX-License-Identifier: MIT */
/*
 * Finding and opening the ELF file behind a module, and making sure that it is the very file that
 * was loaded: the build-id that the shim read from memory must be that of the file.
 */
#include "symbolize/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_debug_path[] = ":.debug:/usr/lib/debug";

const struct cwr_module *cwr_object_module_at(const struct cwr_process *process, uint64_t address)
{
	for (size_t i = 0; i < process->nmodules; i++) {
		const struct cwr_module *module = &process->modules[i];

		if (address >= module->start && address < module->end)
			return module;
	}
	return NULL;
}

/* The module is reported by its file, so there is nothing to search for. */
static int find_no_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		       char **ret_file, Elf **ret_elf)
{
	return -1;
}

static bool begin(struct cwr_object *object, const char *debug_path)
{
	object->debug_path = strdup(debug_path ? debug_path : default_debug_path);
	object->callbacks = (Dwfl_Callbacks){
		.find_elf = find_no_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &object->debug_path,
	};
	if (object->debug_path)
		object->dwfl = dwfl_begin(&object->callbacks);
	return object->dwfl != NULL;
}

/* "" if the file has no build-id. */
static void format_build_id(Dwfl_Module *module, char *text, size_t size)
{
	const unsigned char *bits;
	GElf_Addr address;
	int length = dwfl_module_build_id(module, &bits, &address);

	text[0] = '\0';
	for (int i = 0; i < length && 2 * (size_t)i + 2 < size; i++)
		sprintf(text + 2 * i, "%02x", bits[i]);
}

static bool is_loaded_file(Dwfl_Module *module, const char *build_id)
{
	GElf_Addr bias;
	char found[2 * 64 + 1];

	if (!dwfl_module_getelf(module, &bias))
		return false;
	if (!build_id || !build_id[0])
		return true;
	format_build_id(module, found, sizeof(found));
	return strcmp(found, build_id) == 0;
}

/* Tries one file; remembers the best that can be said so far. */
static void try_file(struct cwr_object *object, const char *path, const char *build_id)
{
	Dwfl_Module *module;

	dwfl_report_begin(object->dwfl);
	module = dwfl_report_elf(object->dwfl, path, path, -1, 0, true);
	dwfl_report_end(object->dwfl, NULL, NULL);
	if (!module)
		return;
	if (!is_loaded_file(module, build_id)) {
		object->state = CWR_OBJECT_REPLACED;
		return;
	}
	object->module = module;
	object->state = CWR_OBJECT_OPEN;
}

static bool is_executable(const struct cwr_process *process, const struct cwr_module *module)
{
	return process->exe && strcmp(process->exe, module->path) == 0;
}

/* What the process itself sees outlives a deletion and a change of the root directory. */
static void try_process_view(struct cwr_object *object, const struct cwr_process *process,
			     const struct cwr_module *module)
{
	char path[4096];

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)process->pid, module->path);
	try_file(object, path, module->build_id);
	if (object->module || !is_executable(process, module))
		return;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)process->pid);
	try_file(object, path, module->build_id);
}

struct cwr_object *cwr_object_open(const struct cwr_process *process,
				   const struct cwr_module *module, const char *debug_path)
{
	struct cwr_object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->state = CWR_OBJECT_MISSING;
	/* The vDSO and the like have a name but no file. */
	if (!module->path || module->path[0] != '/' || !begin(object, debug_path))
		return object;
	try_file(object, module->path, module->build_id);
	if (!object->module && process->is_alive)
		try_process_view(object, process, module);
	return object;
}

void cwr_object_close(struct cwr_object *object)
{
	if (!object)
		return;
	if (object->dwfl)
		dwfl_end(object->dwfl);
	free(object->debug_path);
	free(object);
}
