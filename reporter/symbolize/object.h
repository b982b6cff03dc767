/* SPDX-License-Identifier: MIT */
/*
 * An object: the ELF file behind a mapped module, opened through libdwfl at bias 0, so that an
 * address in it is the offset that a frame carries, the same for every process.  Used by
 * symbolize/ alone.
 */
#ifndef CWR_SYMBOLIZE_OBJECT_H
#define CWR_SYMBOLIZE_OBJECT_H

#include <elfutils/libdwfl.h>

#include "model/model.h"

/* The module of the process that holds this address, or NULL. */
const struct cwr_module *cwr_object_module_at(const struct cwr_process *process, uint64_t address);

enum cwr_object_state {
	CWR_OBJECT_OPEN,
	CWR_OBJECT_REPLACED, /* a file is there, but not the one that was loaded */
	CWR_OBJECT_MISSING,  /* no file, or not an ELF file */
};

struct cwr_object {
	enum cwr_object_state state;
	Dwfl *dwfl;
	Dwfl_Module *module; /* NULL unless open */
	Dwfl_Callbacks callbacks;
	char *debug_path;
};

/*
 * Opens the file of a module that process has loaded: by its path, and while the process lives also
 * as the process sees it (/proc/PID/root, /proc/PID/exe).  The result says in its state how that
 * went; NULL only when out of memory.
 */
struct cwr_object *cwr_object_open(const struct cwr_process *process,
				   const struct cwr_module *module, const char *debug_path);
void cwr_object_close(struct cwr_object *object);

/* Receives the frames of one address, innermost first.  Strings are valid during the call only. */
struct cwr_position {
	const char *function; /* as it stands in the file, mangled; or NULL */
	const char *file;     /* or NULL */
	unsigned int line;
	bool inlined;
};
typedef void (*cwr_position_fn)(const struct cwr_position *position, void *context);

/* Calls visit at least once, for the address `pc` itself (not the return address behind it). */
void cwr_object_look_up(const struct cwr_object *object, uint64_t pc, cwr_position_fn visit,
			void *context);

#endif
