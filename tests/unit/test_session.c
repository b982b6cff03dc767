/* SPDX-License-Identifier: MIT */
/*
 * Reading one session.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session/file.h"
#include "session_fixture.h"

#include <fcntl.h>
#include <unistd.h>

static void test_a_process_is_read(void **state)
{
	struct session_fixture *f = *state;
	const struct cwr_process *p;

	session_fixture_load(f, 0, made_session_new(100));
	p = f->model->processes;
	assert_int_equal(p->pid, 100);
	assert_int_equal(p->ppid, 1);
	assert_int_equal(p->start_ticks, 1000);
	assert_string_equal(p->exe, "/usr/bin/server");
	assert_string_equal(p->cmdline[0], "server");
	assert_string_equal(p->cmdline[1], "--port");
	assert_string_equal(p->cmdline[2], "0");
	assert_null(p->cmdline[3]);
	assert_true(p->has_shim);
	assert_int_equal(p->end, CWR_END_RUNNING);
	assert_string_equal(p->session_path, f->path[0]);
	assert_int_equal(p->nlimits, 0);
}

static void test_a_socket_is_read_with_its_marks(void **state)
{
	static const uint64_t ips[] = {0x1111, 0x2222, 0x3333};
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 0xabcdef0123456789);
	const struct cwr_socket *socket;
	char text[64];

	slot->created = made_mark(made, 5000, "accept4", made_stack(made, 3, ips));
	slot->eof = made_mark(made, 6000, "read", made_stack(made, 1, ips));
	slot->flags |= CW_SLOT_CLOEXEC;
	slot->fork_seq = 3;
	session_fixture_load(f, 0, made);
	socket = cwr_model_find_socket(f->model, 0xabcdef0123456789);
	assert_non_null(socket);
	assert_int_equal(socket->role, CWR_ROLE_ACCEPTED);
	assert_string_equal(cwr_addr_format(&socket->peer, text, sizeof(text)), "127.0.0.1:5007");
	assert_string_equal(cwr_addr_format(&socket->local, text, sizeof(text)), "127.0.0.1:8080");
	assert_int_equal(socket->created.t, MADE_T(5000));
	assert_string_equal(socket->created.op, "accept4");
	assert_int_equal(socket->created.tid, 100);
	assert_int_equal(socket->created.stack->nips, 3);
	assert_int_equal(socket->created.stack->ips[2], 0x3333);
	assert_ptr_equal(socket->creator, f->model->processes);
	assert_int_equal(socket->holders->fd, 7);
	assert_int_equal(socket->holders->via, CWR_VIA_ACCEPT);
	assert_int_equal(socket->holders->cloexec, 1);
	assert_int_equal(socket->holders->fork_seq, 3);
	assert_true(socket->holders->is_open);
	assert_int_equal(socket->holders->eof.t, MADE_T(6000));
	assert_int_equal(socket->holders->closed.t, 0);
	assert_int_equal(f->model->processes->tracked, 1);
}

static void test_modules_functions_and_forks_are_read(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_module *module = made_module(made, 0x1000, 0x2000, 0x800, "/usr/bin/server");
	const struct cwr_process *p;

	module->build_id_len = 2;
	module->build_id[0] = 0xab;
	module->build_id[1] = 0x01;
	made_module(made, 0x9000, 0x9000, 0, "/empty");
	for (int i = 1; i <= MADE_FORKS + 2; i++)
		made_fork(made, 200 + i, (uint64_t)(7000 + i), 0);
	session_fixture_load(f, 0, made);
	p = f->model->processes;
	assert_int_equal(p->nmodules, 1);
	assert_string_equal(p->modules[0].build_id, "ab01");
	assert_int_equal(p->modules[0].bias, 0x800);
	assert_int_equal(p->nforks, MADE_FORKS);
	for (size_t i = 0; i < p->nforks; i++) {
		assert_int_equal(p->forks[i].seq, i + 3);
		assert_int_equal(p->forks[i].child, 200 + i + 3);
		assert_string_equal(p->forks[i].mark.op, "fork");
	}
}

static void test_site_statistics(void **state)
{
	static const uint64_t ip = 0x1111;
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	uint32_t stack = made_stack(made, 1, &ip);
	const struct cwr_site_stats *site;

	made->sites[5] = (struct cw_site){.stack = stack, .created = 41, .closed = 4};
	made->sites[5].t_served = 77;
	made->sites[5].life[0] = 1;  /* under 1 ms */
	made->sites[5].life[1] = 2;  /* [1, 2) ms */
	made->sites[5].life[11] = 1; /* [1.024, 2.048) s */
	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", stack);
	session_fixture_load(f, 0, made);
	site = &f->model->sockets->site;
	assert_true(site->known);
	assert_int_equal(site->created, 41);
	assert_int_equal(site->closed, 4);
	assert_int_equal(site->t_served, 77);
	assert_float_equal(site->life_min, 0, 1e-9);
	assert_float_equal(site->life_median, 0.0015, 1e-9);
	assert_float_equal(site->life_max, 2.048, 1e-9);
}

static void test_a_closed_slot_is_left_out(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made_slot(made, 7, 1)->flags = 0;
	session_fixture_load(f, 0, made);
	assert_null(f->model->sockets);
}

/* The table that the shim makes where RLIMIT_NOFILE is 2^20: its last slot, behind a hole. */
static void test_the_highest_descriptor_of_a_large_table(void **state)
{
	enum { SLOTS = 1 << 20, HIGHEST = SLOTS - 1, START = 1 << 20 };
	const off_t size = (off_t)SLOTS * (off_t)sizeof(struct cw_slot);
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot slot = *made_slot(made, 7, 0x1001);
	int fd;

	slot.fd = HIGHEST;
	made->slots[7].cookie = 0;
	made->header.section[CW_SECTION_SLOTS].offset = START;
	made->header.section[CW_SECTION_SLOTS].size = (uint64_t)size;
	made->header.section[CW_SECTION_SLOTS].used = SLOTS;
	made_session_write(made, f->path[0]);
	made_session_free(made);
	fd = open(f->path[0], O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, &slot, sizeof(slot), START + size - (off_t)sizeof(slot)),
			 sizeof(slot));
	close(fd);
	assert_null(cwr_session_load(f->model, f->path[0]));
	assert_non_null(f->model->sockets);
	assert_int_equal(f->model->sockets->holders->fd, HIGHEST);
	assert_null(f->model->sockets->next);
}

static void test_closed_at_exit_was_open_at_exit(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);

	made->header.end = CW_END_EXITED;
	made->header.end_status = 3;
	made->header.t_exit = MADE_T(9000);
	slot->flags = CW_SLOT_CLOSED_AT_EXIT;
	slot->closed = made_mark(made, 9001, "close", 0);
	session_fixture_load(f, 0, made);
	assert_int_equal(f->model->processes->end, CWR_END_EXITED);
	assert_int_equal(f->model->processes->end_status, 3);
	assert_true(f->model->sockets->holders->is_open);
	assert_true(f->model->sockets->holders->closed_at_exit);
}

/* The problem this tool is for: the child, gone without a session, read EOF and closed. */
static void test_a_note_becomes_a_former_holder(void **state)
{
	static const uint64_t ips[] = {0x92, 0x51, 0x57};
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 0x500000001);
	const struct cwr_holder *child;

	slot->created = made_mark(made, 5000, "accept", made_stack(made, 1, ips));
	made_fork(made, 201, 5100, made_stack(made, 1, &ips[0]))->state = CW_FORK_EXITED;
	slot->note.cookie_lo = 1;
	slot->note.fork_seq = 1;
	slot->note.closes = 1;
	slot->note.eof = made_mark_of(made, 201, 6000, "read", made_stack(made, 1, &ips[1]));
	slot->note.closed = made_mark_of(made, 201, 6001, "close", made_stack(made, 1, &ips[2]));
	session_fixture_load(f, 0, made);
	child = session_fixture_holder(f->model->sockets, 201);
	assert_non_null(child);
	assert_ptr_equal(child->process->parent, f->model->processes);
	assert_int_equal(child->process->ppid, 100);
	assert_true(child->process->has_shim);
	assert_false(child->is_open);
	assert_false(child->is_creator);
	assert_int_equal(child->via, CWR_VIA_FORK);
	assert_int_equal(child->via_mark.t, MADE_T(5100));
	assert_int_equal(child->via_mark.pid, 100);
	assert_int_equal(child->via_mark.stack->ips[0], 0x92);
	assert_int_equal(child->eof.pid, 201);
	assert_int_equal(child->eof.stack->ips[0], 0x51);
	assert_int_equal(child->closed.stack->ips[0], 0x57);
	assert_true(session_fixture_holder(f->model->sockets, 100)->is_open);
	assert_true(f->model->processes->forks[0].child_ended);
}

static void test_a_forgotten_fork_still_has_its_site(void **state)
{
	static const uint64_t ip = 0x92;
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);
	const struct cwr_holder *child;

	slot->note = (struct cw_note){.cookie_lo = 1, .fork_seq = 1};
	slot->note.fork_stack = made_stack(made, 1, &ip);
	slot->note.eof = made_mark_of(made, 201, 6000, "recv", 0);
	for (int i = 0; i < MADE_FORKS + 1; i++)
		made_fork(made, 300 + i, 7000, 0);
	session_fixture_load(f, 0, made);
	child = session_fixture_holder(f->model->sockets, 201);
	assert_int_equal(child->via_mark.stack->ips[0], 0x92);
	assert_int_equal(child->via_mark.t, MADE_T(6000));
}

static void test_a_note_of_another_socket_is_not_believed(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 0x500000002);

	slot->note.cookie_lo = 1;
	slot->note.eof = made_mark_of(made, 201, 6000, "read", 0);
	session_fixture_load(f, 0, made);
	assert_null(session_fixture_holder(f->model->sockets, 201));
	assert_null(f->model->processes->next);
}

static void test_a_note_of_shutdown_is_no_close(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);
	const struct cwr_holder *child;

	slot->note.cookie_lo = 1;
	slot->note.closed = made_mark_of(made, 201, 6000, "shutdown", 0);
	session_fixture_load(f, 0, made);
	child = session_fixture_holder(f->model->sockets, 201);
	assert_int_equal(child->closed.t, 0);
	assert_int_equal(child->shutdown.t, MADE_T(6000));
}

static void test_two_descendants_may_share_a_note(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 1);

	slot->note = (struct cw_note){.cookie_lo = 1, .fork_seq = 2};
	made_fork(made, 201, 5001, 0);
	made_fork(made, 202, 5002, 0);
	slot->note.eof = made_mark_of(made, 201, 6000, "read", 0);
	slot->note.closed = made_mark_of(made, 202, 6001, "close", 0);
	session_fixture_load(f, 0, made);
	assert_int_equal(session_fixture_holder(f->model->sockets, 201)->eof.t, MADE_T(6000));
	assert_int_equal(session_fixture_holder(f->model->sockets, 201)->closed.t, 0);
	assert_int_equal(session_fixture_holder(f->model->sockets, 202)->closed.t, MADE_T(6001));
	assert_int_equal(session_fixture_holder(f->model->sockets, 202)->via_mark.t, MADE_T(5002));
}

static void test_what_the_owner_closed_is_a_former_holding(void **state)
{
	static const uint64_t ip = 0x1111;
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_handed(made, 7, 1, 8000);

	slot->created = made_mark(made, 5000, "accept", made_stack(made, 1, &ip));
	made_slot(made, 7, 2); /* the number was used again */
	session_fixture_load(f, 0, made);
	assert_false(session_fixture_holder(cwr_model_find_socket(f->model, 1), 100)->is_open);
	assert_int_equal(session_fixture_holder(cwr_model_find_socket(f->model, 1), 100)->closed.t,
			 MADE_T(8000));
	assert_ptr_equal(cwr_model_find_socket(f->model, 1)->creator, f->model->processes);
	assert_true(session_fixture_holder(cwr_model_find_socket(f->model, 2), 100)->is_open);
	assert_int_equal(f->model->processes->tracked, 1);
}

/* On its way to the cache an entry may be seen in both places. */
static void test_what_the_owner_closed_last_is_one_too(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);

	for (int i = 0; i < MADE_LATEST + 1; i++)
		made_latest(made, 7 + i, (uint64_t)i + 1, 8000);
	made_handed(made, 7 + MADE_LATEST, MADE_LATEST + 1, 8000);
	session_fixture_load(f, 0, made);
	assert_null(cwr_model_find_socket(f->model, 1)); /* the ring went on */
	for (uint64_t cookie = 2; cookie <= MADE_LATEST + 1; cookie++) {
		assert_false(session_fixture_holder(cwr_model_find_socket(f->model, cookie), 100)
				     ->is_open);
		assert_null(cwr_model_find_socket(f->model, cookie)->holders->next);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, session_fixture_setup, session_fixture_teardown)

/* --- What a session said earlier. --- */

static void load_earlier(struct session_fixture *f, int i, const struct cw_slot *slot)
{
	struct cwr_session_file file;

	assert_null(cwr_session_file_open(&file, f->path[i]));
	assert_int_equal(unlink(f->path[i]), 0);
	assert_null(cwr_session_load_earlier(f->model, &file, slot, 1));
	cwr_session_file_close(&file);
}

static void test_a_slot_of_earlier_is_a_former_holding(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	uint32_t stack = made_stack(made, 2, (uint64_t[]){0x1001, 0x2002});
	struct cw_slot slot = *made_slot(made, 7, 99);
	const struct cwr_socket *socket;

	slot.created = made_mark(made, 1005, "accept4", stack);
	*made_slot(made, 7, 99) = (struct cw_slot){0};
	made_session_write(made, f->path[0]);
	made_session_free(made);
	load_earlier(f, 0, &slot); /* the file is gone and was not read before */
	socket = cwr_model_find_socket(f->model, 99);
	assert_non_null(socket);
	assert_int_equal(socket->created.stack->ips[1], 0x2002);
	assert_int_equal(socket->holders->fd, 7);
	assert_false(socket->holders->is_open);
	assert_int_equal(f->model->processes->pid, 100);
	assert_string_equal(f->model->processes->session_path, f->path[0]);
	assert_null(f->model->processes->next);
}

static void test_what_the_session_still_tells_goes_before(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot slot = *made_slot(made, 7, 99);
	const struct cwr_socket *socket;

	made_slot(made, 7, 99)->eof = made_mark(made, 1010, "read", 0);
	session_fixture_load(f, 0, made);
	load_earlier(f, 0, &slot);
	socket = cwr_model_find_socket(f->model, 99);
	assert_int_equal(socket->nholders, 1);
	assert_true(socket->holders->is_open);
	assert_true(socket->holders->eof.t);
	assert_null(f->model->processes->next);
}

/* --- Copies of what lies in memory. --- */

static void rename_socket(void *context, struct cw_slot *slot)
{
	assert_int_equal(slot->fd, 7);
	slot->cookie = *(const uint64_t *)context;
}

/* As the other side has it: a session in memory, here in our own. */
static int copy_of(struct made_session *made, uint64_t cookie)
{
	struct cwr_session_file source;
	int fd;

	assert_null(cwr_session_file_open_memory(&source, "/proc/self/mem",
						 (uint64_t)(uintptr_t)made, &made->header));
	assert_null(cwr_session_file_check_size(&source));
	fd = cwr_session_file_copy(&source, rename_socket, &cookie);
	cwr_session_file_close(&source);
	return fd;
}

static void test_a_copy_outlives_the_memory(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	uint32_t stack = made_stack(made, 2, (uint64_t[]){0x1001, 0x2002});
	struct cwr_session_file copy = {.path = "/proc/100/mem"};
	const struct cwr_socket *socket;
	struct cwr_process *process;

	made->header.flags = CW_SESSION_IN_MEMORY;
	made_slot(made, 7, CW_COOKIE_UNNAMED)->created = made_mark(made, 1005, "accept4", stack);
	copy.fd = copy_of(made, 99);
	made_session_free(made);
	assert_true(copy.fd >= 0);
	assert_null(cwr_session_load_file(f->model, &copy, &process));
	cwr_session_file_close(&copy);
	assert_int_equal(process->pid, 100);
	assert_true(process->is_in_memory);
	socket = cwr_model_find_socket(f->model, 99);
	assert_non_null(socket);
	assert_true(socket->holders->is_open);
	assert_int_equal(socket->created.stack->ips[1], 0x2002);
	assert_string_equal(socket->created.op, "accept4");
}

static void test_no_copy_of_what_cannot_be_read(void **state)
{
	struct made_session *made = made_session_new(100);

	(void)state;
	made_slot(made, 7, 99);
	made->header.section[CW_SECTION_SLOTS].entry_size++;
	assert_int_equal(copy_of(made, 99), -1);
	made_session_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_process_is_read),
		CASE(test_a_socket_is_read_with_its_marks),
		CASE(test_modules_functions_and_forks_are_read),
		CASE(test_site_statistics),
		CASE(test_a_closed_slot_is_left_out),
		CASE(test_the_highest_descriptor_of_a_large_table),
		CASE(test_closed_at_exit_was_open_at_exit),
		CASE(test_a_note_becomes_a_former_holder),
		CASE(test_a_forgotten_fork_still_has_its_site),
		CASE(test_a_note_of_another_socket_is_not_believed),
		CASE(test_a_note_of_shutdown_is_no_close),
		CASE(test_two_descendants_may_share_a_note),
		CASE(test_what_the_owner_closed_is_a_former_holding),
		CASE(test_what_the_owner_closed_last_is_one_too),
		CASE(test_a_slot_of_earlier_is_a_former_holding),
		CASE(test_what_the_session_still_tells_goes_before),
		CASE(test_a_copy_outlives_the_memory),
		CASE(test_no_copy_of_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
