/* SPDX-License-Identifier: MIT */
/*
 * The tables of a session beside the sockets: functions, modules, stacks, sites, forks.
 */
#include "model/arena.h"
#include "session/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM	1
#define uthash_nonfatal_oom(el) cwr_out_of_memory()
#include <uthash.h>

enum { FUNCTION_SIZE = 32 };

struct cwr_stack_entry {
	uint32_t id;
	struct cwr_stack *stack;
	UT_hash_handle hh;
};

void cwr_loader_say_damaged(struct cwr_loader *loader, enum cw_section_id id)
{
	cwr_model_add_limit(
		loader->model, loader->process,
		cwr_model_printf(loader->model,
				 "session damaged: its %s cannot be read (offset %llu)",
				 cwr_session_section_name(id),
				 (unsigned long long)loader->file->header.section[id].offset));
}

static void *read_section(struct cwr_loader *loader, enum cw_section_id id, size_t *ret_entries)
{
	bool is_damaged;
	void *data = cwr_session_section_read(loader->file, id, ret_entries, &is_damaged);

	if (is_damaged)
		cwr_loader_say_damaged(loader, id);
	return data;
}

static void read_functions(struct cwr_loader *loader)
{
	size_t n;
	char(*names)[FUNCTION_SIZE] = read_section(loader, CW_SECTION_FUNCTIONS, &n);

	loader->functions = cwr_model_alloc(loader->model, (n + 1) * sizeof(*loader->functions));
	loader->nfunctions = n;
	for (size_t i = 0; i < n; i++)
		if (names[i][0])
			loader->functions[i] =
				cwr_model_printf(loader->model, "%.*s", FUNCTION_SIZE, names[i]);
	free(names);
}

static const char *hexadecimal(struct cwr_model *model, const uint8_t *bytes, size_t n)
{
	char *text = cwr_model_alloc(model, 2 * n + 1);

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

static bool is_sane(const struct cw_module *module)
{
	return module->ready == 1 && module->start < module->end &&
	       module->build_id_len <= CW_BUILD_ID_MAX;
}

static void read_modules(struct cwr_loader *loader)
{
	struct cwr_process *process = loader->process;
	struct cwr_model *model = loader->model;
	size_t n;
	struct cw_module *from = read_section(loader, CW_SECTION_MODULES, &n);

	process->modules = cwr_model_alloc(model, (n + 1) * sizeof(*process->modules));
	process->nmodules = 0;
	for (size_t i = 0; i < n; i++) {
		struct cwr_module *to = &process->modules[process->nmodules];

		if (!is_sane(&from[i]))
			continue;
		to->start = from[i].start;
		to->end = from[i].end;
		to->bias = from[i].bias;
		to->path = cwr_model_printf(model, "%.*s", CW_PATH_MAX, from[i].path);
		/* In memory the shim could not ask for the program's name. */
		if (!*to->path && process->exe)
			to->path = process->exe;
		if (from[i].build_id_len)
			to->build_id = hexadecimal(model, from[i].build_id, from[i].build_id_len);
		process->nmodules++;
	}
	free(from);
}

static int by_seq(const void *a, const void *b)
{
	const struct cwr_fork *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static pid_t child_of(const struct cw_fork *fork)
{
	return fork->pid == CW_FORK_PENDING ? 0 : fork->pid;
}

/* The child left a stack; the time is only known to lie after the fork. */
static struct cwr_mark read_done(struct cwr_loader *loader, const struct cw_fork *fork,
				 const char *op, uint32_t stack)
{
	return (struct cwr_mark){
		.t = fork->t,
		.pid = child_of(fork),
		.fd = -1,
		.op = op,
		.stack = cwr_loader_stack(loader, stack),
	};
}

static struct cwr_mark read_exec(struct cwr_loader *loader, const struct cw_fork *fork)
{
	return fork->state == CW_FORK_EXECED ? read_done(loader, fork, "exec", fork->exec_stack)
					     : (struct cwr_mark){.fd = -1};
}

static struct cwr_mark read_dup(struct cwr_loader *loader, const struct cw_fork *fork)
{
	return fork->dup_stack ? read_done(loader, fork, "dup", fork->dup_stack)
			       : (struct cwr_mark){.fd = -1};
}

static void read_forks(struct cwr_loader *loader)
{
	struct cwr_process *process = loader->process;
	size_t n;
	struct cw_fork *from = read_section(loader, CW_SECTION_FORKS, &n);

	process->forks = cwr_model_alloc(loader->model, (n + 1) * sizeof(*process->forks));
	process->nforks = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t who = CW_WHO(from[i].tid, from[i].fn);

		if (!from[i].seq || from[i].pid < CW_FORK_PENDING)
			continue;
		process->forks[process->nforks++] = (struct cwr_fork){
			.seq = from[i].seq,
			.child = child_of(&from[i]),
			.child_ended = from[i].state == CW_FORK_EXITED,
			.child_has_session = from[i].state == CW_FORK_HAS_SESSION,
			.mark = cwr_loader_mark_at(loader, from[i].t, from[i].stack, who,
						   process->pid, -1),
			.executed = read_exec(loader, &from[i]),
			.duplicated = read_dup(loader, &from[i]),
		};
	}
	free(from);
	qsort(process->forks, process->nforks, sizeof(*process->forks), by_seq);
}

/* The section is a hash table, mostly empty; each socket's site is looked for in what is left. */
static void leave_out_empty_sites(struct cwr_loader *loader)
{
	size_t n = 0;

	for (size_t i = 0; i < loader->nsites; i++)
		if (loader->sites[i].stack)
			loader->sites[n++] = loader->sites[i];
	loader->nsites = n;
}

void cwr_loader_read_tables(struct cwr_loader *loader)
{
	loader->stacks = read_section(loader, CW_SECTION_STACKS, &loader->stacks_size);
	loader->sites = read_section(loader, CW_SECTION_SITES, &loader->nsites);
	leave_out_empty_sites(loader);
	read_functions(loader);
	read_modules(loader);
	read_forks(loader);
}

void cwr_loader_free(struct cwr_loader *loader)
{
	HASH_CLEAR(hh, loader->stack_index);
	free(loader->stacks);
	free(loader->sites);
}

static struct cwr_stack *make_stack(struct cwr_loader *loader, uint32_t id)
{
	const size_t at = (size_t)id * 8;
	struct cw_stack head;
	struct cwr_stack *stack;

	if (at > loader->stacks_size || loader->stacks_size - at < sizeof(head))
		return NULL;
	memcpy(&head, loader->stacks + at, sizeof(head));
	if (!head.nframes || head.nframes > CW_STACK_FRAMES_MAX ||
	    (loader->stacks_size - at - sizeof(head)) / 8 < head.nframes)
		return NULL;
	stack = cwr_model_alloc(loader->model, sizeof(*stack));
	stack->process = loader->process;
	stack->id = id;
	stack->flags = head.flags;
	stack->is_whole = !(head.flags & (CW_STACK_FP | CW_STACK_CALLER));
	stack->nips = head.nframes;
	stack->ips = cwr_model_alloc(loader->model, stack->nips * sizeof(*stack->ips));
	memcpy(stack->ips, loader->stacks + at + sizeof(head), stack->nips * sizeof(*stack->ips));
	return stack;
}

struct cwr_stack *cwr_loader_stack(struct cwr_loader *loader, uint32_t id)
{
	struct cwr_stack_entry *entry;

	if (!id)
		return NULL;
	HASH_FIND(hh, loader->stack_index, &id, sizeof(id), entry);
	if (entry)
		return entry->stack;
	entry = cwr_model_alloc(loader->model, sizeof(*entry));
	entry->id = id;
	entry->stack = make_stack(loader, id);
	HASH_ADD(hh, loader->stack_index, id, sizeof(entry->id), entry);
	return entry->stack;
}

struct cwr_mark cwr_loader_mark_at(struct cwr_loader *loader, uint64_t t, uint32_t stack,
				   uint32_t who, pid_t pid, int fd)
{
	uint32_t function = CW_WHO_FN(who);
	pid_t id = (pid_t)CW_WHO_ID(who);

	if (!t)
		return (struct cwr_mark){.fd = -1};
	return (struct cwr_mark){
		.t = t,
		.pid = pid ? pid : id,
		.tid = pid ? id : 0,
		.fd = fd,
		.op = function < loader->nfunctions ? loader->functions[function] : NULL,
		.stack = cwr_loader_stack(loader, stack),
	};
}

struct cwr_mark cwr_loader_mark(struct cwr_loader *loader, const struct cw_mark *mark, pid_t pid,
				int fd)
{
	return cwr_loader_mark_at(loader, CW_MARK_T(*mark), mark->stack, mark->who, pid, fd);
}

/* Seconds at which bucket n begins, and where bucket n - 1 ends; see CW_LIFE_BUCKETS. */
static double bucket_start(int n)
{
	return n ? (double)(1ull << (n - 1)) / 1000 : 0;
}

static void read_lives(const struct cw_site *site, struct cwr_site_stats *stats)
{
	uint64_t total = 0, seen = 0;

	for (int n = 0; n < CW_LIFE_BUCKETS; n++)
		total += site->life[n];
	for (int n = 0; n < CW_LIFE_BUCKETS; n++) {
		if (!site->life[n])
			continue;
		if (!seen)
			stats->life_min = bucket_start(n);
		if (seen < (total + 1) / 2 && seen + site->life[n] >= (total + 1) / 2)
			stats->life_median = (bucket_start(n) + bucket_start(n + 1)) / 2;
		stats->life_max = bucket_start(n + 1);
		seen += site->life[n];
	}
}

struct cwr_site_stats cwr_loader_site(const struct cwr_loader *loader, uint32_t stack)
{
	struct cwr_site_stats stats = {false, 0, 0, 0, -1, -1, -1};

	for (size_t i = 0; stack && i < loader->nsites; i++) {
		if (loader->sites[i].stack != stack)
			continue;
		stats.known = true;
		stats.created = loader->sites[i].created;
		stats.closed = loader->sites[i].closed;
		stats.t_served = loader->sites[i].t_served;
		read_lives(&loader->sites[i], &stats);
		break;
	}
	return stats;
}
