/* SPDX-License-Identifier: MIT */
/*
 * A small table: rows of cells, columns as wide as their widest cell, no lines and no blanks at the
 * end of a line.  One thread.
 */
#ifndef CWR_GRID_H
#define CWR_GRID_H

#include "util/text.h"

enum { CWR_GRID_COLUMNS = 8 };

struct cwr_grid_cell {
	char *text; /* NULL: empty */
	enum cwr_style style;
};

struct cwr_grid_row {
	size_t ncells;
	struct cwr_grid_cell cells[CWR_GRID_COLUMNS];
};

/* All zero is an empty grid. */
struct cwr_grid {
	bool is_right[CWR_GRID_COLUMNS]; /* columns aligned to the right; set by the caller */
	size_t nrows;
	size_t capacity;
	struct cwr_grid_row *rows;
	bool has_failed; /* out of memory: something is missing */
};

void cwr_grid_add_row(struct cwr_grid *grid);

/* The next cell of the last row; further ones than CWR_GRID_COLUMNS are ignored. */
void cwr_grid_add_cell(struct cwr_grid *grid, enum cwr_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Returns false if the grid had run out of memory.  Columns are two blanks apart. */
bool cwr_grid_print(const struct cwr_grid *grid, FILE *out, int indent, bool color);

/* Frees what the grid holds; it is empty then. */
void cwr_grid_clear(struct cwr_grid *grid);

#define CWR_AUTO_GRID __attribute__((cleanup(cwr_grid_clear)))

#endif
