/* SPDX-License-Identifier: MIT */
/*
 * A small table; see grid.h.
 */
#include "util/grid.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cwr_grid_add_row(struct cwr_grid *grid)
{
	if (grid->nrows == grid->capacity) {
		size_t capacity = grid->capacity ? 2 * grid->capacity : 8;
		struct cwr_grid_row *rows = reallocarray(grid->rows, capacity, sizeof(*grid->rows));

		if (!rows) {
			grid->has_failed = true;
			return;
		}
		grid->rows = rows;
		grid->capacity = capacity;
	}
	memset(&grid->rows[grid->nrows++], 0, sizeof(*grid->rows));
}

void cwr_grid_add_cell(struct cwr_grid *grid, enum cwr_style style, const char *format, ...)
{
	struct cwr_grid_row *row = grid->nrows ? &grid->rows[grid->nrows - 1] : NULL;
	struct cwr_grid_cell *cell;
	va_list args;

	if (!row || row->ncells == CWR_GRID_COLUMNS)
		return;
	cell = &row->cells[row->ncells++];
	cell->style = style;
	va_start(args, format);
	if (vasprintf(&cell->text, format, args) < 0) {
		cell->text = NULL;
		grid->has_failed = true;
	}
	va_end(args);
}

static const char *text_of(const struct cwr_grid_cell *cell)
{
	return cell->text ? cell->text : "";
}

/* The last cell of a row takes no part: it may be as long as it likes. */
static void measure(const struct cwr_grid *grid, int widths[CWR_GRID_COLUMNS])
{
	for (size_t i = 0; i < grid->nrows; i++) {
		const struct cwr_grid_row *row = &grid->rows[i];

		for (size_t j = 0; j < row->ncells; j++) {
			int width = (int)strlen(text_of(&row->cells[j]));

			if (width > widths[j] && (j + 1 < row->ncells || grid->is_right[j]))
				widths[j] = width;
		}
	}
}

static void print_cell(const struct cwr_grid_cell *cell, int width, bool is_right, bool is_last,
		       FILE *out, bool color)
{
	const char *text = text_of(cell);
	int padding = width > (int)strlen(text) ? width - (int)strlen(text) : 0;

	fprintf(out, "%*s%s%s%s", is_right ? padding : 0, "", cwr_style_on(cell->style, color),
		text, cwr_style_off(cell->style, color));
	if (!is_last)
		fprintf(out, "%*s  ", is_right ? 0 : padding, "");
}

static size_t count_cells(const struct cwr_grid_row *row)
{
	size_t n = row->ncells;

	while (n && !*text_of(&row->cells[n - 1]))
		n--;
	return n;
}

bool cwr_grid_print(const struct cwr_grid *grid, FILE *out, int indent, bool color)
{
	int widths[CWR_GRID_COLUMNS] = {0};

	measure(grid, widths);
	for (size_t i = 0; i < grid->nrows; i++) {
		const struct cwr_grid_row *row = &grid->rows[i];
		size_t n = count_cells(row);

		fprintf(out, "%*s", n ? indent : 0, "");
		for (size_t j = 0; j < n; j++)
			print_cell(&row->cells[j], widths[j], grid->is_right[j], j + 1 == n, out,
				   color);
		fputc('\n', out);
	}
	return !grid->has_failed;
}

void cwr_grid_clear(struct cwr_grid *grid)
{
	for (size_t i = 0; i < grid->nrows; i++)
		for (size_t j = 0; j < grid->rows[i].ncells; j++)
			free(grid->rows[i].cells[j].text);
	free(grid->rows);
	memset(grid, 0, sizeof(*grid));
}
