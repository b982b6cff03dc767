/* SPDX-License-Identifier: MIT */
/*
 * cwshim, the command: finds the subcommand and prints its error, if there is one.
 */
#include "cmd/commands.h"
#include "cmd/options.h"

#include <stdio.h>
#include <string.h>

static const struct cwr_command *const commands[] = {
	&cwr_command_run,   &cwr_command_report, &cwr_command_list,
	&cwr_command_clean, &cwr_command_doctor,
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(void)
{
	puts("usage: cwshim COMMAND [options] [arguments]\n\n"
	     "Finds sockets that a server leaks in CLOSE_WAIT, and the line that leaks them.\n");
	for (int i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->argp->doc);
	puts("\n`cwshim COMMAND --help` tells a command's options.");
}

static const struct cwr_command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static struct cwr_error *run_command(const struct cwr_command *command, int argc, char **argv,
				     int *ret_status)
{
	static struct cwr_options options;
	struct cwr_error *error = cwr_options_parse(command, argc, argv, &options);

	if (!error && options.wants_help)
		cwr_options_help(command);
	else if (!error)
		error = command->run(&options, ret_status);
	return error;
}

static struct cwr_error *dispatch(int argc, char **argv, int *ret_status)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct cwr_command *command = find_command(name);

	if (command)
		return run_command(command, argc - 1, argv + 1, ret_status);
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		puts("cwshim " CWSHIM_VERSION);
	else if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		print_help();
	else if (!*name)
		return cwr_error_new(CWR_EXIT_USAGE, "no command given (see `cwshim --help`)");
	else
		return cwr_error_new(CWR_EXIT_USAGE, "unknown %s '%s' (see `cwshim --help`)",
				     *name == '-' ? "option" : "command", name);
	return NULL;
}

int main(int argc, char **argv)
{
	int status = CWR_EXIT_OK;
	struct cwr_error *error = dispatch(argc, argv, &status);

	if (error) {
		fprintf(stderr, "cwshim: %s\n", error->message);
		status = error->status;
	}
	cwr_error_free(error);
	return status;
}
