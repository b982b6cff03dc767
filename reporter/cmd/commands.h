/* SPDX-License-Identifier: MIT */
/*
 * The subcommands; each is defined in the file of its name.
 */
#ifndef CWR_CMD_COMMANDS_H
#define CWR_CMD_COMMANDS_H

struct cwr_command;

extern const struct cwr_command cwr_command_run;
extern const struct cwr_command cwr_command_report;
extern const struct cwr_command cwr_command_list;
extern const struct cwr_command cwr_command_clean;
extern const struct cwr_command cwr_command_doctor;

#endif
