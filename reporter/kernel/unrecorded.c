/* SPDX-License-Identifier: MIT */
/*
 * Processes that have the library and no session: found by what they have mapped
 * (/proc/PID/maps).  One that has made no socket yet has none either, and is no matter; nor is a
 * child that shares the session of the process that forked it.
 */
#include "kernel/kernel.h"

#include "kernel/memory.h"
#include "kernel/observer.h"
#include "kernel/proc.h"
#include "util/cleanup.h"

#include "cwshim/session.h"

#include <inttypes.h>
#include <string.h>

bool cwr_proc_read_traces(pid_t pid, struct cwr_traces *ret_traces)
{
	CWR_AUTO_FREE char *line = NULL;
	char path[64];
	size_t size = 0;

	*ret_traces = (struct cwr_traces){0};
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	CWR_AUTO_FCLOSE FILE *maps = fopen(path, "re");

	if (!maps)
		return false;
	while (getline(&line, &size, maps) > 0) {
		const char *name = strchr(line, '/');

		if (strstr(line, "[stack]"))
			sscanf(line, "%*[^-]-%" SCNx64, &ret_traces->stack_top);
		if (!name)
			continue;
		ret_traces->has_library |= strstr(name, "/libcwshim.so") != NULL;
		ret_traces->has_session |= strstr(name, CW_SESSION_SUFFIX) != NULL;
		ret_traces->is_refused |= strstr(name, "/memfd:" CW_OFF_NAME) != NULL;
	}
	return true;
}

bool cwr_proc_has_mapped(pid_t pid, const char *name)
{
	CWR_AUTO_FREE char *line = NULL;
	char path[64];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	CWR_AUTO_FCLOSE FILE *maps = fopen(path, "re");

	while (maps && getline(&line, &size, maps) > 0) {
		const char *file = strrchr(line, '/');

		if (file && !strncmp(file + 1, name, strlen(name)))
			return true;
	}
	return false;
}

/* The number after the key, which starts with a newline and ends with a tab; 0: it is not there. */
static unsigned int status_field(pid_t pid, const char *key)
{
	char status[4096];
	const char *field;

	if (cwr_proc_read_text(status, sizeof(status), pid, "status") <= 0)
		return 0;
	field = strstr(status, key);
	return field ? (unsigned int)strtoul(field + strlen(key), NULL, 10) : 0;
}

bool cwr_proc_is_filtered(pid_t pid)
{
	return status_field(pid, "\nSeccomp:\t") != 0;
}

unsigned int cwr_proc_count_filters(pid_t pid)
{
	return status_field(pid, "\nSeccomp_filters:\t");
}

bool cwr_proc_has_in_environment(pid_t pid, const char *text)
{
	CWR_AUTO_FREE char *variable = NULL;
	char path[64];
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	CWR_AUTO_FCLOSE FILE *environment = fopen(path, "re");

	while (environment && getdelim(&variable, &size, '\0', environment) > 0)
		if (strstr(variable, text))
			return true;
	return false;
}

static void count_socket(void *context, int fd, const char *link)
{
	*(size_t *)context += cwr_proc_inode_in(link) != 0;
}

static bool has_sockets(pid_t pid)
{
	size_t n = 0;

	cwr_proc_each_link(pid, count_socket, &n);
	return n > 0;
}

/* Why nothing is recorded of a process though it has the library; NULL: no reason is known. */
static const char *reason_for(pid_t pid)
{
	struct cw_session_header header;
	struct cwr_traces traces;
	uint64_t address;

	if (!cwr_proc_read_traces(pid, &traces) || !traces.has_library || traces.has_session)
		return NULL;
	if (cwr_memory_find(pid, &address, &header))
		return NULL;
	if (traces.is_refused)
		return CWR_OFF_REFUSED;
	return cwr_proc_is_filtered(pid) && has_sockets(pid) ? CWR_OFF_FILTERED : NULL;
}

static void visit(void *context, pid_t pid)
{
	struct cwr_model *model = context;
	const struct cwr_process *known = cwr_model_find_process(model, pid);
	const char *reason = known && known->is_alive ? NULL : reason_for(pid);
	struct cwr_process *process = reason ? cwr_observe_process(model, pid) : NULL;

	if (!process)
		return;
	process->has_shim = true;
	process->off = reason;
	cwr_model_add_limit(model, process,
			    strcmp(reason, CWR_OFF_FILTERED) ? CWR_LIMIT_REFUSED
							     : CWR_LIMIT_FILTERED);
}

void cwr_kernel_find_unrecorded(struct cwr_model *model)
{
	cwr_proc_each_pid(visit, model);
}
