/* SPDX-License-Identifier: MIT */
/*
 * Words that the explanations and advices of several causes share; see words.h.
 */
#include "diagnose/words.h"
#include "diagnose/facts.h"
#include "diagnose/table.h"
#include "model/site.h"

#include <string.h>

enum { COMMAND_SIZE = 200 };

const char *cwr_words_at(struct cwr_model *model, const struct cwr_mark *mark)
{
	const struct cwr_frame *frame = mark->t ? cwr_site_frame(mark->stack) : NULL;
	char where[256];

	if (!frame)
		return "";
	if (!frame->line && frame->function && frame->module)
		return cwr_model_printf(model, " in %s (%s)", frame->function,
					cwr_site_basename(frame->module));
	return cwr_model_printf(model, " at %s", cwr_site_format(frame, where, sizeof(where)));
}

/* Processes other than the finding's that hold one of its sockets. */
static size_t count_others(struct cwr_model *model, const struct cwr_finding *finding)
{
	struct cwr_table seen = {.model = model};

	for (size_t i = 0; i < finding->nsockets; i++) {
		const struct cwr_process *process = finding->blamed[i]->process;
		const struct cwr_key key = {{(uint64_t)(uintptr_t)process}};

		if (process != finding->process)
			cwr_table_get(&seen, &key, 1);
	}
	return seen.n;
}

const char *cwr_words_blamed(struct cwr_model *model, const struct cwr_finding *finding)
{
	size_t others = count_others(model, finding);

	if (!others)
		return cwr_model_printf(model, "pid %d", finding->process->pid);
	return cwr_model_printf(model, "pid %d and %zu more process%s", finding->process->pid,
				others, others == 1 ? "" : "es");
}

const char *cwr_words_holds(const struct cwr_finding *finding)
{
	return finding->process->is_alive ? "still holds" : "held on to";
}

const char *cwr_words_socket(const struct cwr_finding *finding)
{
	switch (finding->sockets[0]->role) {
	case CWR_ROLE_ACCEPTED:
		return "accepted socket";
	case CWR_ROLE_CONNECTED:
		return "connected socket";
	default:
		return "socket";
	}
}

static size_t without(const char *op, size_t length, const char *suffix)
{
	size_t tail = strlen(suffix);

	return length > tail && !memcmp(op + length - tail, suffix, tail) ? length - tail : length;
}

/* As the programmer wrote it: the headers make __read_chk() of read() and fcntl64() of fcntl(). */
const char *cwr_words_call(struct cwr_model *model, const struct cwr_mark *mark,
			   const char *otherwise)
{
	size_t length;
	const char *op;

	if (!mark->op)
		return otherwise;
	op = mark->op + strspn(mark->op, "_");
	length = without(op, strlen(op), op > mark->op ? "_chk" : "64");
	return cwr_model_printf(model, "%.*s()", (int)length, op);
}

const char *cwr_words_command(struct cwr_model *model, const struct cwr_process *process)
{
	const char *command = process->cmdline ? process->cmdline[0] : NULL;

	if (!command)
		return process->exe ? process->exe : "unknown program";
	for (char **argument = process->cmdline + 1; *argument; argument++) {
		if (strlen(command) + strlen(*argument) >= COMMAND_SIZE)
			return cwr_model_printf(model, "%s ...", command);
		command = cwr_model_printf(model, "%s %s", command, *argument);
	}
	return command;
}
