/* SPDX-License-Identifier: MIT */
/*
 * Copies of sessions in memory; see memories.h.
 *
 * In a sandbox the shim could not ask which sockets these are.  While the process lives its
 * descriptors tell (/proc/PID/fd); so the copy has the cookies of those whose peer has closed, and
 * beside it stands what the kernel said of them.
 */
#include "cmd/memories.h"

#include "cmd/sighting.h"
#include "kernel/memory.h"
#include "kernel/proc.h"
#include "model/arena.h"
#include "session/file.h"
#include "session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEMORIES_MAX = 64 };

/* What the kernel said of a descriptor at the time of the copy. */
struct testimony {
	int fd;
	uint64_t cookie;
	struct cwr_sighting seen;
};

struct cwr_memory {
	pid_t pid; /* in /proc */
	uint64_t start_ticks, t_start;
	char *path; /* only a name */
	struct cwr_session_file copy;
	uint64_t t;	 /* of the copy, monotonic */
	uint64_t t_gone; /* of the first sample without the process; 0: it lives */
	bool is_there;	 /* in this sample */
	size_t n;
	struct testimony *testimonies;
	struct cwr_memory *next;
};

struct naming {
	pid_t pid;
	const struct cwr_memory *before; /* what the last copy has */
	uint64_t now;
	double in_use_s;
	const struct cwr_diag *diag;
	size_t n;
	struct testimony *testimonies;
};

static struct cwr_sighting sighting_before(const struct cwr_memory *memory, uint64_t cookie)
{
	for (size_t i = 0; i < memory->n; i++)
		if (memory->testimonies[i].cookie == cookie)
			return memory->testimonies[i].seen;
	return (struct cwr_sighting){0};
}

static void testify(struct naming *naming, int fd, const struct cwr_diag_row *row)
{
	naming->testimonies =
		realloc(naming->testimonies, (naming->n + 1) * sizeof(*naming->testimonies));
	if (!naming->testimonies)
		cwr_out_of_memory();
	naming->testimonies[naming->n] =
		(struct testimony){fd, row->cookie, sighting_before(naming->before, row->cookie)};
	cwr_sighting_take(&naming->testimonies[naming->n++].seen, row, naming->in_use_s,
			  naming->now);
}

/* What the descriptor is of: 0, and errno, if it is no socket or may not be looked at. */
static uint64_t inode_of(pid_t pid, int fd)
{
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	if (n >= 0)
		errno = ENOENT;
	return cwr_proc_inode_in(link);
}

/* Another peer is another connection, whose record was missed. */
static bool agrees(const struct cw_slot *slot, const struct cwr_diag_row *row)
{
	return !slot->peer_port || slot->peer_port == row->peer.port;
}

static void name_slot(void *context, struct cw_slot *slot)
{
	struct naming *naming = context;
	const struct cwr_diag_row *row;
	uint64_t inode;

	if (!(slot->flags & CW_SLOT_LIVE))
		return;
	inode = inode_of(naming->pid, slot->fd);
	row = inode ? cwr_diag_by_inode(naming->diag, inode) : NULL;
	if ((!inode && errno == ENOENT) || (row && !agrees(slot, row)))
		slot->flags &= (uint8_t)~CW_SLOT_LIVE; /* closed, unseen */
	if (!row || !agrees(slot, row))
		return;
	slot->cookie = row->cookie;
	testify(naming, slot->fd, row);
}

static int make_copy(pid_t pid, uint64_t address, const struct cw_session_header *header,
		     struct naming *naming)
{
	struct cwr_session_file source;
	char path[64];
	struct cwr_error *error;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	error = cwr_session_file_open_memory(&source, path, address, header);
	if (!error)
		error = cwr_session_file_check_size(&source);
	if (!error)
		fd = cwr_session_file_copy(&source, name_slot, naming);
	cwr_session_file_close(&source);
	cwr_error_free(error);
	return fd;
}

static void free_memory(struct cwr_memory *memory)
{
	cwr_session_file_close(&memory->copy);
	free(memory->path);
	free(memory->testimonies);
	free(memory);
}

/* Room is made by one that has ended and had nothing open whose peer had closed. */
static bool make_room(struct cwr_memories *memories)
{
	struct cwr_memory **link = &memories->list;

	if (memories->n < MEMORIES_MAX)
		return true;
	while (*link && (!(*link)->t_gone || (*link)->n))
		link = &(*link)->next;
	if (*link) {
		struct cwr_memory *memory = *link;

		*link = memory->next;
		free_memory(memory);
		memories->n--;
	}
	memories->is_full = true;
	return memories->n < MEMORIES_MAX;
}

static struct cwr_memory *add(struct cwr_memories *memories, pid_t pid,
			      const struct cw_session_header *header)
{
	struct cwr_memory *memory = make_room(memories) ? calloc(1, sizeof(*memory)) : NULL;

	if (!memory)
		return NULL;
	*memory = (struct cwr_memory){
		.pid = pid,
		.start_ticks = header->start_ticks,
		.t_start = header->t_start,
		.next = memories->list,
	};
	if (asprintf(&memory->path, "/proc/%d/mem", pid) < 0)
		cwr_out_of_memory();
	memory->copy = (struct cwr_session_file){.path = memory->path, .fd = -1};
	memories->list = memory;
	memories->n++;
	return memory;
}

/* An exec, or another process of that number, begins another session. */
static struct cwr_memory *find(const struct cwr_memories *memories, pid_t pid,
			       const struct cw_session_header *header)
{
	struct cwr_memory *m = memories->list;

	while (m && (m->pid != pid || m->start_ticks != header->start_ticks ||
		     m->t_start != header->t_start))
		m = m->next;
	return m;
}

/* A copy that was made to its end replaces the one before. */
static void take(struct cwr_memory *memory, int fd, const struct naming *naming)
{
	if (memory->copy.fd >= 0)
		close(memory->copy.fd);
	free(memory->testimonies);
	memory->copy.fd = fd;
	memory->t = naming->now;
	memory->n = naming->n;
	memory->testimonies = naming->testimonies;
}

struct sample {
	struct cwr_memories *memories;
	const struct cwr_diag *diag;
	uint64_t now;
};

static void visit(void *context, pid_t pid)
{
	struct sample *sample = context;
	struct naming naming = {
		.pid = pid,
		.now = sample->now,
		.in_use_s = sample->memories->in_use_s,
		.diag = sample->diag,
	};
	struct cw_session_header header;
	struct cwr_memory *memory;
	uint64_t address;
	int fd;

	if (pid == getpid() || !cwr_proc_has_in_environment(pid, sample->memories->session_dir) ||
	    !cwr_memory_find(pid, &address, &header))
		return;
	memory = find(sample->memories, pid, &header);
	if (!memory)
		memory = add(sample->memories, pid, &header);
	if (!memory)
		return;
	memory->is_there = true;
	naming.before = memory;
	fd = make_copy(pid, address, &header, &naming);
	if (fd >= 0)
		take(memory, fd, &naming);
	else
		free(naming.testimonies);
}

void cwr_memories_sample(struct cwr_memories *memories, const struct cwr_diag *diag, uint64_t now)
{
	struct sample sample = {memories, diag, now};

	if (!memories->is_on)
		return;
	for (struct cwr_memory *m = memories->list; m; m = m->next)
		m->is_there = false;
	cwr_proc_each_pid(visit, &sample);
	for (struct cwr_memory *m = memories->list; m; m = m->next)
		if (!m->is_there && !m->t_gone)
			m->t_gone = now;
}

/* --- The report ----------------------------------------------------------------------------------
 */

static void say_limits(const struct cwr_memories *memories, struct cwr_model *model,
		       struct cwr_process *process, const struct cwr_memory *memory)
{
	cwr_model_add_limit(model, process,
			    cwr_model_printf(model,
					     "its memory was read last %.1f s before it was seen "
					     "to have ended: what it did after that is not known",
					     (double)(memory->t_gone - memory->t) / 1e9));
	if (memories->is_full)
		cwr_model_add_limit(model, process,
				    "there were too many processes that are recorded in their "
				    "memory alone to keep what each of them recorded");
}

static void restore(struct cwr_model *model, const struct cwr_process *process,
		    const struct testimony *testimony)
{
	struct cwr_socket *socket = cwr_model_find_socket(model, testimony->cookie);
	struct cwr_holder *holder =
		socket ? cwr_model_find_holder(model, socket, process, testimony->fd) : NULL;

	if (holder)
		cwr_sighting_tell(&testimony->seen, holder);
}

static void apply(const struct cwr_memories *memories, struct cwr_model *model,
		  struct cwr_memory *memory)
{
	struct cwr_process *process;

	if (memory->copy.fd < 0)
		return;
	cwr_error_free(cwr_session_load_file(model, &memory->copy, &process));
	if (!process || !memory->t_gone)
		return;
	for (size_t i = 0; i < memory->n; i++)
		restore(model, process, &memory->testimonies[i]);
	say_limits(memories, model, process, memory);
}

void cwr_memories_apply(const struct cwr_memories *memories, struct cwr_model *model)
{
	for (struct cwr_memory *m = memories->list; m; m = m->next)
		apply(memories, model, m);
}

void cwr_memories_free(struct cwr_memories *memories)
{
	while (memories->list) {
		struct cwr_memory *next = memories->list->next;

		free_memory(memories->list);
		memories->list = next;
	}
}
