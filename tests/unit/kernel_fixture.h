/* SPDX-License-Identifier: MIT */
/*
 * What the tests of kernel/ share: a real connection of this very process, and a model of it.
 */
#ifndef KERNEL_FIXTURE_H
#define KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/kernel.h"
#include "kernel/proc.h"
#include "kernel/sockdiag.h"

struct fixture {
	struct cwr_model *model;
	struct cwr_process *self;
	int listener, client, server;
	uint64_t cookie;
	pid_t child; /* 0: none */
};

static inline uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static inline void connect_pair(struct fixture *f)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t size = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&addr, &size), 0);
	f->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(f->client, (struct sockaddr *)&addr, size), 0);
	f->server = accept(f->listener, NULL, NULL);
	assert_true(f->server >= 0);
	f->cookie = cookie_of(f->server);
}

static inline struct cwr_process *add_process(struct cwr_model *model, pid_t pid)
{
	struct cwr_process *process = cwr_model_add_process(model, pid);
	struct cwr_proc_stat stat;

	assert_true(cwr_proc_stat(pid, &stat));
	process->start_ticks = stat.start_ticks;
	process->exe = cwr_proc_exe(model, pid);
	process->has_shim = true;
	process->session_path = "made";
	process->t_session = cwr_proc_now(CLOCK_MONOTONIC);
	return process;
}

static inline struct cwr_socket *add_server_socket(struct fixture *f)
{
	struct cwr_socket *socket = cwr_model_add_socket(f->model, f->cookie);
	struct cwr_holder *holder = cwr_model_add_holder(f->model, socket, f->self, f->server);

	socket->role = CWR_ROLE_ACCEPTED;
	socket->peer.family = AF_INET;
	holder->is_open = true;
	holder->via = CWR_VIA_ACCEPT;
	return socket;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	connect_pair(f);
	f->model = cwr_model_new();
	f->self = add_process(f->model, getpid());
	*state = f;
	return 0;
}

/* A child that holds everything, until it is killed.  It has run when this returns. */
static inline void fork_child(struct fixture *f)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	f->child = fork();
	assert_true(f->child >= 0);
	if (f->child == 0) {
		if (write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

static inline void end_child(struct fixture *f)
{
	if (!f->child)
		return;
	kill(f->child, SIGKILL);
	waitpid(f->child, NULL, 0);
	f->child = 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	end_child(f);
	close(f->listener);
	close(f->client);
	close(f->server);
	cwr_model_free(f->model);
	free(f);
	return 0;
}

static inline void observe(struct fixture *f)
{
	struct cwr_kernel_list *list = cwr_kernel_list();

	assert_null(cwr_kernel_observe(f->model, list));
	cwr_kernel_list_free(list);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
