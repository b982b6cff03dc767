/* SPDX-License-Identifier: MIT */
/*
 * Copies of a real connection in forked children of this very process: how they came there, and
 * which process a number stands for.
 */
#include "kernel_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

/* A page of a file of that name; returns the address, and its path in *ret_path. */
static void *map_file(const char *name, char path[64])
{
	char dir[] = "/tmp/cwshim-unit-XXXXXX";
	void *at;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(path, 64, "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && ftruncate(fd, 4096) == 0);
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(at != MAP_FAILED);
	close(fd);
	return at;
}

static void unmap_file(void *at, char path[64])
{
	munmap(at, 4096);
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
}

/* A child of a process with a session, in which fork left the library and the session mapped. */
static void fork_recording_child(struct fixture *f)
{
	char library_path[64], session_path[64];
	void *library = map_file("libcwshim.so", library_path);
	void *session = map_file("1-1.cws", session_path);

	fork_child(f);
	unmap_file(library, library_path);
	unmap_file(session, session_path);
}

static const struct cwr_holder *holder_in_child(const struct fixture *f,
						const struct cwr_socket *socket)
{
	const struct cwr_holder *copy = socket->holders;

	while (copy && copy->process->pid != f->child)
		copy = copy->next;
	return copy;
}

/* In the memory of such a child there is nothing, though it runs the same program. */
static void test_a_copy_in_a_child_that_executed_is_found(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	const struct cwr_holder *copy;

	f->self->session_path = "/none/1-1.cws";
	cwr_model_set_creator(socket, socket->holders);
	fork_child(f);
	observe(f);
	copy = holder_in_child(f, socket);
	assert_non_null(copy);
	assert_int_equal(copy->via, CWR_VIA_EXEC);
	assert_false(copy->process->has_shim);
	assert_int_equal(copy->process->nlimits, 1);
}

/* By its parent, who was executed with it; that is alive, and the same program. */
static void test_a_copy_in_a_child_of_a_program_is_found(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	const struct cwr_holder *copy;

	f->self->session_path = "/none/1-1.cws";
	cwr_model_set_creator(socket, socket->holders);
	socket->holders->via = CWR_VIA_EXEC;
	fork_child(f);
	observe(f);
	copy = holder_in_child(f, socket);
	assert_non_null(copy);
	assert_int_equal(copy->via, CWR_VIA_FORK);
}

static void test_a_copy_in_a_child_is_found(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);
	struct cwr_fork record = {.seq = 1};
	const struct cwr_holder *copy;

	fork_recording_child(f);
	record.child = f->child;
	record.mark = (struct cwr_mark){
		cwr_proc_now(CLOCK_MONOTONIC), getpid(), getpid(), -1, 0, "fork", NULL};
	f->self->forks = &record;
	f->self->nforks = 1;
	observe(f);
	copy = holder_in_child(f, socket);
	assert_non_null(copy);
	assert_int_equal(copy->fd, f->server);
	assert_int_equal(copy->via, CWR_VIA_FORK);
	assert_string_equal(copy->via_mark.op, "fork");
	assert_true(copy->is_open && copy->is_confirmed);
	assert_ptr_equal(copy->process->parent, f->self);
	assert_true(copy->process->is_alive && copy->process->has_shim);
	assert_non_null(copy->process->cmdline);
	assert_false(record.child_ended);
}

/* A descendant that is known by what it did at t, and not by the fork that made it. */
static struct cwr_process *announce(struct fixture *f, struct cwr_socket *socket, uint64_t t)
{
	struct cwr_process *process = cwr_model_add_process(f->model, f->child);
	struct cwr_holder *holder = cwr_model_add_holder(f->model, socket, process, f->server);

	process->has_shim = true;
	process->parent = f->self;
	process->end = CWR_END_UNKNOWN;
	holder->via = CWR_VIA_FORK;
	holder->eof.t = t;
	return process;
}

static void test_a_descendant_lives_if_it_was_there_then(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	const struct cwr_process *process;

	fork_recording_child(f);
	process = announce(f, socket, cwr_proc_now(CLOCK_MONOTONIC));
	observe(f);
	assert_true(process->is_alive);
	assert_true(process->holders->is_open);
}

/* It began after that: another process has the number now. */
static void test_a_descendant_of_that_number_may_be_gone(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	const struct cwr_process *process;

	fork_recording_child(f);
	process = announce(f, socket, 1);
	observe(f);
	assert_false(process->is_alive);
	assert_false(process->holders->is_open);
	assert_non_null(holder_in_child(f, socket));
}

/* It had the session of its parent mapped, and has not now. */
static void test_a_descendant_may_have_executed(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	const struct cwr_process *process;
	const struct cwr_holder *heir = NULL;

	f->self->session_path = "/none/1-1.cws";
	fork_child(f);
	process = announce(f, socket, cwr_proc_now(CLOCK_MONOTONIC));
	observe(f);
	assert_false(process->is_alive);
	assert_int_equal(process->end, CWR_END_EXEC);
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		if (h->process->pid == f->child && h->process != process)
			heir = h;
	assert_non_null(heir);
	assert_int_equal(heir->via, CWR_VIA_EXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_copy_in_a_child_that_executed_is_found),
		CASE(test_a_copy_in_a_child_of_a_program_is_found),
		CASE(test_a_copy_in_a_child_is_found),
		CASE(test_a_descendant_lives_if_it_was_there_then),
		CASE(test_a_descendant_of_that_number_may_be_gone),
		CASE(test_a_descendant_may_have_executed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
