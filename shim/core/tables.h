/* SPDX-License-Identifier: MIT */
/*
 * Page tables that fork() copies.  Of mappings whose pages can be had again by a fault it copies
 * none (mm/memory.c, vma_needs_copy()), and each child of a server pays for every page that it
 * touches, though its parent had it.  Where a mapping has a guard page (MADV_GUARD_INSTALL,
 * madvise(2); of files since Linux 6.15) its tables are copied, because that page is nowhere else.
 */
#ifndef CW_CORE_TABLES_H
#define CW_CORE_TABLES_H

#include <stdbool.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { CW_TABLES_GAP = 4096 /* bytes */ };

/*
 * From now on the page tables of the mapping around `gap` go with a fork.  gap: a page in it that
 * nobody will ever touch; of shared memory, one whose content nobody wants.  Where the kernel
 * cannot do so, or in a sandbox, nothing changes: false.  Async-signal-safe.
 */
bool cw_tables_copy(void *gap);

/* The same for this library's code and constants. */
void cw_tables_copy_library(void);

/*
 * Where they go with it, what of the library's code seldom runs (it stands behind the gap, see
 * CMakeLists.txt) leaves the tables; when it runs again the kernel brings it back from the file,
 * with what is near.  A debugger's breakpoint there is lost.  Async-signal-safe.
 */
void cw_tables_drop_seldom(void);

#endif
