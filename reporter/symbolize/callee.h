/* SPDX-License-Identifier: MIT */
/*
 * The functions of interest in one ELF file: those it defines, those it imports, and which of them
 * an address belongs to or a call instruction calls.  Used by symbolize/ alone.
 */
#ifndef CWR_SYMBOLIZE_CALLEE_H
#define CWR_SYMBOLIZE_CALLEE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this name, without its version, of interest?  Returns what the caller knows it by, or NULL. */
typedef const void *cwr_callee_fn(const char *name, size_t length);

/* A range of code, or the word through which an import is called. */
struct cwr_callee {
	uint64_t start, end;
	const void *what;
};

struct cwr_callees {
	Elf *elf; /* borrowed: must outlive this */
	size_t nfunctions, nimports;
	struct cwr_callee *functions, *imports;
};

/* Reads the symbol tables and relocations of a file.  Freed by cwr_callees_free(). */
struct cwr_callees cwr_callees_read(Elf *elf, cwr_callee_fn *is_wanted);
void cwr_callees_free(struct cwr_callees *callees);

/* What the function that holds this address is known by, or NULL. */
const void *cwr_callees_around(const struct cwr_callees *callees, uint64_t address);

/*
 * What the function called by the instruction before a return address is known by, or NULL.  It
 * may have left no frame of its own: SSL_shutdown() and its like jump to the method that does the
 * work.  Only direct calls, through the procedure linkage table or its words, are understood, and
 * only those of x86-64.
 */
const void *cwr_callees_called(const struct cwr_callees *callees, uint64_t return_address);

#endif
