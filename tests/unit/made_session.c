/* SPDX-License-Identifier: MIT */
/*
 * Sessions made by hand, for tests; see made_session.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "made_session.h"

#define SECTION(member, entry, n_used)                                                     \
	(struct cw_section)                                                                \
	{                                                                                  \
		.offset = offsetof(struct made_session, member),                           \
		.size = sizeof(((struct made_session *)0)->member), .entry_size = (entry), \
		.used = (n_used)                                                           \
	}

static void lay_out(struct cw_section *section)
{
	section[CW_SECTION_MODULES] = SECTION(modules, sizeof(struct cw_module), 0);
	section[CW_SECTION_STACK_INDEX] = SECTION(stack_index, sizeof(cw_stack_id), 0);
	section[CW_SECTION_STACKS] = SECTION(stacks, 1, 8);
	section[CW_SECTION_SITES] = SECTION(sites, sizeof(struct cw_site), 0);
	section[CW_SECTION_FORKS] = SECTION(forks, sizeof(struct cw_fork), 0);
	section[CW_SECTION_EVENTS] = SECTION(events, sizeof(struct cw_event), 0);
	section[CW_SECTION_HANDED] = SECTION(handed, sizeof(struct cw_slot), 0);
	section[CW_SECTION_LATEST] = SECTION(latest, sizeof(struct cw_slot), 0);
	section[CW_SECTION_CHILDREN] = SECTION(children, sizeof(struct cw_child), 0);
	section[CW_SECTION_FUNCTIONS] = SECTION(functions, 32, 1);
	section[CW_SECTION_SLOTS] = SECTION(slots, sizeof(struct cw_slot), 0);
}

struct made_session *made_session_new(pid_t pid)
{
	static const char cmdline[] = "server\0--port\0"
				      "0";
	struct made_session *made = calloc(1, sizeof(*made));
	struct cw_session_header *header;

	assert_non_null(made);
	header = &made->header;
	memcpy(header->magic, CW_SESSION_MAGIC, sizeof(header->magic));
	header->version = CW_SESSION_VERSION;
	header->header_size = sizeof(*header);
	header->ready = 1;
	header->sections = CW_SECTIONS;
	lay_out(header->section);
	header->pid = pid;
	header->ppid = 1;
	header->start_ticks = 10ull * (uint64_t)pid;
	header->t_start = MADE_T(1000);
	header->t_start_real = 1700000000000000000ull;
	strcpy(header->exe, "/usr/bin/server");
	memcpy(header->cmdline, cmdline, sizeof(cmdline));
	header->cmdline_len = sizeof(cmdline);
	return made;
}

void made_session_free(struct made_session *made)
{
	free(made);
}

static void fill_slot(struct cw_slot *slot, int fd, uint64_t cookie)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	memset(slot, 0, sizeof(*slot));
	slot->seq = 2;
	slot->role = CW_ROLE_ACCEPTED;
	slot->via = CW_VIA_ACCEPT;
	slot->family = AF_INET;
	slot->flags = CW_SLOT_LIVE;
	slot->cookie = cookie;
	slot->fd = fd;
	slot->from_fd = -1;
	slot->local_port = 8080;
	slot->peer_port = (uint16_t)(5000 + fd);
	memcpy(slot->local, loopback, sizeof(loopback));
	memcpy(slot->peer, loopback, sizeof(loopback));
}

struct cw_slot *made_slot(struct made_session *made, int fd, uint64_t cookie)
{
	struct cw_section *section = &made->header.section[CW_SECTION_SLOTS];

	assert_in_range(fd, 0, MADE_SLOTS - 1);
	fill_slot(&made->slots[fd], fd, cookie);
	if (section->used <= (uint32_t)fd)
		section->used = (uint32_t)fd + 1;
	return &made->slots[fd];
}

static void fill_handed(struct made_session *made, struct cw_slot *slot, int fd, uint64_t cookie,
			uint64_t t)
{
	fill_slot(slot, fd, cookie);
	slot->flags = CW_SLOT_SHARED;
	slot->closed = made_mark(made, t, "close", 0);
}

struct cw_slot *made_handed(struct made_session *made, int fd, uint64_t cookie, uint64_t t)
{
	struct cw_slot *slot = made->handed;

	while (slot->cookie)
		slot++;
	assert_true(slot < made->handed + MADE_HANDED);
	fill_handed(made, slot, fd, cookie, t);
	return slot;
}

struct cw_slot *made_latest(struct made_session *made, int fd, uint64_t cookie, uint64_t t)
{
	uint32_t *used = &made->header.section[CW_SECTION_LATEST].used;
	struct cw_slot *slot = &made->latest[(*used)++ % MADE_LATEST];

	fill_handed(made, slot, fd, cookie, t);
	return slot;
}

static uint32_t function_id(struct made_session *made, const char *name)
{
	uint32_t *used = &made->header.section[CW_SECTION_FUNCTIONS].used;

	for (uint32_t i = 1; i < *used; i++)
		if (!strcmp(made->functions[i], name))
			return i;
	assert_true(*used < MADE_FUNCTIONS);
	snprintf(made->functions[*used], sizeof(made->functions[0]), "%s", name);
	return (*used)++;
}

struct cw_mark made_mark_of(struct made_session *made, pid_t pid, uint64_t t, const char *function,
			    uint32_t stack)
{
	return CW_MARK(MADE_T(t), stack, CW_WHO(pid, function_id(made, function)));
}

struct cw_mark made_mark(struct made_session *made, uint64_t t, const char *function,
			 uint32_t stack)
{
	return made_mark_of(made, made->header.pid, t, function, stack);
}

uint32_t made_stack(struct made_session *made, size_t nips, const uint64_t *ips)
{
	uint32_t *used = &made->header.section[CW_SECTION_STACKS].used;
	struct cw_stack head = {.nframes = (uint16_t)nips};
	uint32_t at = *used;

	assert_true(at + sizeof(head) + nips * sizeof(*ips) <= MADE_STACK_BYTES);
	memcpy(made->stacks + at, &head, sizeof(head));
	memcpy(made->stacks + at + sizeof(head), ips, nips * sizeof(*ips));
	*used += (uint32_t)(sizeof(head) + nips * sizeof(*ips));
	return at / 8;
}

struct cw_fork *made_fork(struct made_session *made, pid_t child, uint64_t t, uint32_t stack)
{
	uint32_t seq = ++made->header.section[CW_SECTION_FORKS].used;
	struct cw_fork *fork = &made->forks[(seq - 1) % MADE_FORKS];

	*fork = (struct cw_fork){
		.seq = seq,
		.pid = child,
		.stack = stack,
		.t = MADE_T(t),
		.tid = (uint32_t)made->header.pid,
		.fn = function_id(made, "fork"),
	};
	made->header.forks = seq;
	return fork;
}

struct cw_module *made_module(struct made_session *made, uint64_t start, uint64_t end,
			      uint64_t bias, const char *path)
{
	uint32_t *used = &made->header.section[CW_SECTION_MODULES].used;
	struct cw_module *module = &made->modules[*used];

	assert_true(*used < MADE_MODULES);
	++*used;
	module->start = start;
	module->end = end;
	module->bias = bias;
	module->ready = 1;
	snprintf(module->path, sizeof(module->path), "%s", path);
	return module;
}

void made_session_set_parent(struct made_session *made, const struct made_session *parent)
{
	const uint32_t seq = parent->header.section[CW_SECTION_FORKS].used;

	made->header.ppid = parent->header.pid;
	made->header.from_fork = 1;
	made->header.parent_pid = parent->header.pid;
	made->header.parent_t_start = parent->header.t_start;
	made->header.parent_fork_seq = seq;
	made->header.t_forked = parent->forks[(seq - 1) % MADE_FORKS].t;
	made->header.t_start = made->header.t_forked + MADE_T(1);
}

void made_file_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

void made_session_write(const struct made_session *made, const char *path)
{
	made_file_write(path, made, sizeof(*made));
}
