/* SPDX-License-Identifier: MIT */
/*
 * Functions that are known by name; see known.h.
 */
#include "symbolize/known.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM	1
#define uthash_nonfatal_oom(el) cwr_out_of_memory()
#include <uthash.h>

#include "model/arena.h"
#include "symbolize/object.h"

struct cwr_known_file {
	const char *key; /* path and build-id */
	struct cwr_object *object;
	struct cwr_callees callees;
	UT_hash_handle hh;
};

static struct cwr_known_file *open_file(struct cwr_known *known, const char *key,
					const struct cwr_process *process,
					const struct cwr_module *module)
{
	struct cwr_known_file *file = cwr_model_alloc(known->model, sizeof(*file));
	GElf_Addr bias;
	Elf *elf;

	file->key = cwr_model_strdup(known->model, key);
	file->object = cwr_object_open(process, module, NULL);
	elf = file->object && file->object->module ? dwfl_module_getelf(file->object->module, &bias)
						   : NULL;
	if (elf)
		file->callees = cwr_callees_read(elf, known->is_wanted);
	HASH_ADD_KEYPTR(hh, known->files, file->key, strlen(file->key), file);
	return file;
}

static const struct cwr_callees *callees_of(struct cwr_known *known,
					    const struct cwr_process *process,
					    const struct cwr_module *module)
{
	struct cwr_known_file *file;
	char key[PATH_MAX + 128];

	snprintf(key, sizeof(key), "%s\n%s", module->path ? module->path : "",
		 module->build_id ? module->build_id : "");
	HASH_FIND_STR(known->files, key, file);
	return &(file ? file : open_file(known, key, process, module))->callees;
}

const void *cwr_known_called(struct cwr_known *known, const struct cwr_process *process,
			     const struct cwr_module *module, uint64_t ip)
{
	return cwr_callees_called(callees_of(known, process, module), ip - module->bias);
}

const void *cwr_known_around(struct cwr_known *known, const struct cwr_process *process,
			     const struct cwr_module *module, uint64_t ip)
{
	return cwr_callees_around(callees_of(known, process, module), ip - 1 - module->bias);
}

void cwr_known_close(struct cwr_known *known)
{
	struct cwr_known_file *file, *next;

	HASH_ITER (hh, known->files, file, next) {
		cwr_callees_free(&file->callees);
		cwr_object_close(file->object);
	}
	HASH_CLEAR(hh, known->files);
}
