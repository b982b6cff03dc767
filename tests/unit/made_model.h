/* SPDX-License-Identifier: MIT */
/*
 * Models made by hand for the unit tests of diagnose/ and render/: a process, a connection whose
 * peer has closed, marks with stacks.  Times are whole seconds before the report.
 */
#ifndef MADE_MODEL_H
#define MADE_MODEL_H

#include "model/model.h"

#include <arpa/inet.h>
#include <string.h>

#define MADE_NOW	 1000
#define MADE_SECOND	 1000000000ull
#define MADE_MODULE_BASE 0x400000ull

static inline struct cwr_model *made_model(void)
{
	struct cwr_model *model = cwr_model_new();

	model->now = MADE_NOW * MADE_SECOND;
	model->now_real_ns = 1700000000ll * (int64_t)MADE_SECOND;
	return model;
}

static inline struct cwr_process *made_process(struct cwr_model *model, pid_t pid, const char *exe)
{
	struct cwr_process *process = cwr_model_add_process(model, pid);

	process->exe = cwr_model_strdup(model, exe);
	process->has_shim = process->is_alive = true;
	process->started_real_ns = model->now_real_ns - 12 * (int64_t)MADE_SECOND;
	process->nmodules = 1;
	process->modules = cwr_model_alloc(model, sizeof(*process->modules));
	*process->modules = (struct cwr_module){
		.start = MADE_MODULE_BASE,
		.end = MADE_MODULE_BASE + 0x100000,
		.bias = MADE_MODULE_BASE,
		.path = process->exe,
		.build_id = "abcdef",
	};
	return process;
}

/* A stack of that one frame and main, the frames already known; line also makes the address. */
static inline struct cwr_stack *made_stack(struct cwr_model *model, struct cwr_process *process,
					   const char *function, unsigned int line)
{
	struct cwr_stack *stack = cwr_model_alloc(model, sizeof(*stack));
	const char *names[] = {function, "main"};
	unsigned int lines[] = {line, 131};

	stack->process = process;
	stack->is_whole = true;
	stack->nips = stack->nframes = 2;
	stack->ips = cwr_model_alloc(model, 2 * sizeof(*stack->ips));
	stack->frames = cwr_model_alloc(model, 2 * sizeof(*stack->frames));
	for (size_t i = 0; i < 2; i++) {
		stack->ips[i] = MADE_MODULE_BASE + lines[i] * 16ull;
		stack->frames[i] = (struct cwr_frame){
			.ip = stack->ips[i],
			.module = process->exe,
			.build_id = "abcdef",
			.offset = lines[i] * 16ull,
			.function = names[i],
			.file = "/src/forkserver.c",
			.line = lines[i],
		};
	}
	return stack;
}

static inline struct cwr_mark made_mark(struct cwr_model *model, struct cwr_process *process,
					const char *op, int fd, int seconds_ago, unsigned int line)
{
	return (struct cwr_mark){
		.t = (uint64_t)(MADE_NOW - seconds_ago) * MADE_SECOND,
		.pid = process->pid,
		.tid = process->pid,
		.fd = fd,
		.op = op,
		.stack = made_stack(model, process, op, line),
	};
}

static inline struct cwr_addr made_addr(const char *ip, uint16_t port)
{
	struct cwr_addr addr = {.family = AF_INET, .port = port};

	if (inet_pton(AF_INET, ip, addr.ip) == 1)
		return addr;
	addr.family = AF_INET6;
	inet_pton(AF_INET6, ip, addr.ip);
	return addr;
}

static inline struct cwr_holder *made_holder(struct cwr_model *model, struct cwr_socket *socket,
					     struct cwr_process *process, int fd, enum cwr_via via)
{
	struct cwr_holder *holder = cwr_model_add_holder(model, socket, process, fd);

	holder->via = via;
	holder->is_open = true;
	holder->is_confirmed = true;
	return holder;
}

/* A connection accepted 20 s ago at line 88, whose FIN came 10 s ago and was not read. */
static inline struct cwr_socket *made_accepted(struct cwr_model *model, struct cwr_process *owner,
					       int fd)
{
	struct cwr_socket *socket = cwr_model_add_socket(model, 0x1000u + (uint64_t)fd);
	struct cwr_holder *holder = made_holder(model, socket, owner, fd, CWR_VIA_ACCEPT);

	cwr_model_set_creator(socket, holder);
	socket->role = CWR_ROLE_ACCEPTED;
	socket->local = made_addr("127.0.0.1", 8080);
	socket->peer = made_addr("127.0.0.1", (uint16_t)(50000 + fd));
	socket->created = made_mark(model, owner, "accept4", fd, 20, 88);
	socket->site = (struct cwr_site_stats){.known = true, .created = 20, .closed = 0};
	socket->state = CWR_TCP_CLOSE_WAIT;
	socket->is_confirmed = socket->peer_has_closed = true;
	socket->recv_q = 1;
	socket->unread = socket->send_q = 0;
	socket->fin_age_s = 10;
	socket->eof = CWR_EOF_PENDING;
	return socket;
}

/* The fork number `seq` of that process, 19 s ago at line 92. */
static inline void made_fork(struct cwr_model *model, struct cwr_process *process, uint32_t seq,
			     pid_t child, bool has_ended)
{
	struct cwr_fork *forks = cwr_model_alloc(model, (process->nforks + 1) * sizeof(*forks));

	if (process->nforks)
		memcpy(forks, process->forks, process->nforks * sizeof(*forks));
	forks[process->nforks++] = (struct cwr_fork){
		.seq = seq,
		.child = child,
		.child_ended = has_ended,
		.mark = made_mark(model, process, "fork", -1, 19, 92),
	};
	process->forks = forks;
}

/* A child of that process, forked as number `seq`. */
static inline struct cwr_process *made_child(struct cwr_model *model, struct cwr_process *parent,
					     uint32_t seq, pid_t pid, bool is_alive)
{
	struct cwr_process *child = made_process(model, pid, parent->exe);

	child->ppid = parent->pid;
	child->parent = parent;
	child->parent_fork_seq = seq;
	child->is_alive = is_alive;
	child->end = is_alive ? CWR_END_RUNNING : CWR_END_EXITED;
	made_fork(model, parent, seq, pid, !is_alive);
	return child;
}

/* The child's copy of a socket: it read the end-of-file 10 s ago and closed. */
static inline struct cwr_holder *made_served_copy(struct cwr_model *model,
						  struct cwr_socket *socket,
						  struct cwr_process *child, int fd)
{
	struct cwr_holder *copy = made_holder(model, socket, child, fd, CWR_VIA_FORK);

	copy->eof = made_mark(model, child, "recv", fd, 10, 51);
	copy->closed = made_mark(model, child, "close", fd, 10, 57);
	copy->closed.t++;
	copy->is_open = copy->is_confirmed = false;
	socket->recv_q = 0;
	socket->eof = CWR_EOF_READ;
	return copy;
}

/* That holder read the end-of-file 10 s ago. */
static inline void made_eof(struct cwr_model *model, struct cwr_socket *socket,
			    struct cwr_holder *holder)
{
	holder->eof = made_mark(model, holder->process, "read", holder->fd, 10, 60);
	socket->recv_q = 0;
	socket->eof = CWR_EOF_READ;
}

/* The parent's leak of issue reports: it accepts, a child serves, reads end-of-file and closes. */
static inline struct cwr_socket *made_parent_leak(struct cwr_model *model,
						  struct cwr_process *parent, int fd, uint32_t seq)
{
	struct cwr_socket *socket = made_accepted(model, parent, fd);
	struct cwr_process *child = made_child(model, parent, seq, parent->pid + (pid_t)seq, false);

	socket->holders->fork_seq = seq - 1;
	made_served_copy(model, socket, child, fd);
	return socket;
}

#endif
