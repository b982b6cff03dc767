/* SPDX-License-Identifier: MIT */
/*
 * cwshim list: the sessions, of living and of ended processes.
 */
#include "cmd/clean.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/sources.h"

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COLUMN_PID,
	COLUMN_STATE,
	COLUMN_STARTED,
	COLUMN_SOCKETS,
	COLUMN_FIN_SEEN,
	COLUMN_RECORDING,
	COLUMN_COMMAND
};

static const struct {
	const char *name;
	double width;
	int flags;
} columns[] = {
	[COLUMN_PID] = {"PID", 1, SCOLS_FL_RIGHT},
	[COLUMN_STATE] = {"STATE", 1, 0},
	[COLUMN_STARTED] = {"STARTED", 1, 0},
	[COLUMN_SOCKETS] = {"SOCKETS", 1, SCOLS_FL_RIGHT},
	[COLUMN_FIN_SEEN] = {"FIN-SEEN", 1, SCOLS_FL_RIGHT},
	[COLUMN_RECORDING] = {"RECORDING", 1, 0},
	[COLUMN_COMMAND] = {"COMMAND", 0.5, SCOLS_FL_TRUNC},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void add_line(struct libscols_table *table, const struct cwr_listing *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char number[24];

	if (!line)
		return;
	snprintf(number, sizeof(number), "%d", row->pid);
	scols_line_set_data(line, COLUMN_PID, number);
	scols_line_set_data(line, COLUMN_STATE, row->state);
	scols_line_set_data(line, COLUMN_STARTED, row->started);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)row->sockets);
	scols_line_set_data(line, COLUMN_SOCKETS, number);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)row->fin_seen);
	scols_line_set_data(line, COLUMN_FIN_SEEN, number);
	scols_line_set_data(line, COLUMN_RECORDING, row->off ? row->off : "on");
	scols_line_set_data(line, COLUMN_COMMAND, row->command);
}

static void print_text(const struct cwr_listing *rows, size_t n)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return;
	for (int i = 0; i < COLUMNS; i++)
		scols_table_new_column(table, columns[i].name, columns[i].width, columns[i].flags);
	for (size_t i = 0; i < n; i++)
		add_line(table, &rows[i]);
	scols_print_table(table);
	scols_unref_table(table);
}

static json_t *row_object(const struct cwr_listing *row)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:s?, s:s, s:s?}", "pid", row->pid,
			 "state", row->state, "started_at", row->started, "sockets",
			 (json_int_t)row->sockets, "fin_seen", (json_int_t)row->fin_seen, "created",
			 (json_int_t)row->created, "closed", (json_int_t)row->closed, "off",
			 row->off, "command", row->command, "session", row->path);
}

static void print_json(const struct cwr_listing *rows, size_t n)
{
	json_t *sessions = json_array();
	json_t *root = json_pack("{s:o}", "sessions", sessions);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(sessions, row_object(&rows[i]));
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

static struct cwr_error *run(const struct cwr_options *options, int *ret_status)
{
	struct cwr_model *model = NULL;
	struct cwr_listing *rows = NULL;
	struct cwr_error *error;
	size_t n = 0;

	if (options->nargs)
		return cwr_error_new(CWR_EXIT_USAGE, "list takes no arguments");
	error = cwr_listing_make(options, &model, &rows, &n);
	if (!error && options->format && !strcmp(options->format, "json"))
		print_json(rows, n);
	else if (!error)
		print_text(rows, n);
	cwr_model_free(model);
	return error;
}

const struct cwr_command cwr_command_list = {
	.name = "list",
	.argp = &cwr_argp_list,
	.run = run,
};
