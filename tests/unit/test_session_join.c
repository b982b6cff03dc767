/* SPDX-License-Identifier: MIT */
/*
 * Joining the sessions of several processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session_fixture.h"

/* A parent that accepted and forked, and the child's own session with the copy. */
static void make_family(struct made_session **ret_parent, struct made_session **ret_child)
{
	static const uint64_t ips[] = {0x1111, 0x2222};
	struct made_session *parent = made_session_new(100), *child = made_session_new(201);
	struct cw_slot *slot = made_slot(parent, 7, 1);

	slot->created = made_mark(parent, 5000, "accept", made_stack(parent, 1, &ips[0]));
	made_fork(parent, 201, 5100, made_stack(parent, 1, &ips[1]))->state = CW_FORK_HAS_SESSION;
	made_session_set_parent(child, parent);
	made_stack(child, 1, &ips[1]); /* so that the numbers of the stacks differ */
	child->slots[7] = parent->slots[7];
	child->slots[7].created.stack = made_stack(child, 1, &ips[0]);
	child->slots[7].via = CW_VIA_FORK;
	child->slots[7].via_mark = CW_MARK(MADE_T(5100), 0, 0);
	child->slots[7].last = made_mark(child, 5050, "read", 0); /* the parent's doing */
	child->slots[7].eof = made_mark(child, 6000, "read", 0);
	child->header.section[CW_SECTION_SLOTS].used = 8;
	*ret_parent = parent;
	*ret_child = child;
}

static void check_family(const struct session_fixture *f)
{
	const struct cwr_process *parent = cwr_model_find_process(f->model, 100);
	const struct cwr_process *child = cwr_model_find_process(f->model, 201);
	const struct cwr_socket *socket = f->model->sockets;

	assert_ptr_equal(child->parent, parent);
	assert_null(parent->parent);
	assert_int_equal(child->parent_fork_seq, 1);
	assert_null(socket->next);
	assert_ptr_equal(socket->creator, parent);
	assert_int_equal(socket->created.stack->ips[0], 0x1111);
	assert_ptr_equal(socket->created.stack->process, parent);
	assert_ptr_equal(socket->holders->process, parent);
	assert_ptr_equal(socket->holders->next->process, child);
	assert_int_equal(socket->holders->next->via_mark.t, MADE_T(5100));
	assert_int_equal(socket->holders->next->via_mark.pid, 100);
	assert_int_equal(socket->holders->next->via_mark.stack->ips[0], 0x2222);
	assert_int_equal(socket->holders->next->eof.t, MADE_T(6000));
	assert_int_equal(socket->holders->next->last_use.t, 0);
	assert_null(socket->holders->next->next);
}

static void test_parent_and_child_are_joined(void **state)
{
	struct made_session *parent, *child;

	make_family(&parent, &child);
	session_fixture_load(*state, 0, parent);
	session_fixture_load(*state, 1, child);
	check_family(*state);
}

static void test_the_order_of_reading_does_not_matter(void **state)
{
	struct made_session *parent, *child;

	make_family(&parent, &child);
	session_fixture_load(*state, 1, child);
	session_fixture_load(*state, 0, parent);
	check_family(*state);
}

static void test_a_child_announced_by_a_note_is_not_doubled(void **state)
{
	struct made_session *parent, *child;

	make_family(&parent, &child);
	parent->slots[7].note = (struct cw_note){.cookie_lo = 1, .fork_seq = 1};
	parent->slots[7].note.eof = made_mark_of(parent, 201, 5900, "read", 0);
	session_fixture_load(*state, 0, parent);
	session_fixture_load(*state, 1, child);
	check_family(*state);
}

static void test_without_the_parent_the_copy_tells_the_site(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *parent, *child;

	make_family(&parent, &child);
	made_session_free(parent);
	session_fixture_load(f, 1, child);
	assert_int_equal(f->model->sockets->created.t, MADE_T(5000));
	assert_int_equal(f->model->sockets->created.pid, 100);
	assert_int_equal(f->model->sockets->created.stack->ips[0], 0x1111);
	assert_null(f->model->sockets->creator);
}

static void test_a_reused_process_number_is_another_process(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *parent, *child, *later = made_session_new(201);
	const struct cwr_process *newest;

	make_family(&parent, &child);
	later->header.start_ticks = 99999;
	later->header.t_start = MADE_T(50000);
	made_slot(later, 7, 2);
	session_fixture_load(f, 0, parent);
	session_fixture_load(f, 1, child);
	session_fixture_load(f, 2, later);
	newest = cwr_model_find_process(f->model, 201);
	assert_int_equal(newest->t_session, MADE_T(50000));
	assert_null(newest->parent);
	assert_ptr_equal(cwr_model_find_socket(f->model, 2)->holders->process, newest);
	assert_ptr_not_equal(cwr_model_find_socket(f->model, 1)->holders->next->process, newest);
	assert_true(cwr_model_find_socket(f->model, 1)->holders->next->is_open);
}

static void test_an_exec_ends_the_image_before_it(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *before = made_session_new(100), *after = made_session_new(100);
	const struct cwr_socket *socket;

	made_slot(before, 7, 1)->created = made_mark(before, 2000, "accept", 0);
	before->header.executed = made_mark(before, 8000, "execve", 0);
	after->header.t_start = MADE_T(9000);
	made_slot(after, 7, 1)->via = CW_VIA_UNKNOWN;
	after->slots[7].role = CW_ROLE_INHERITED;
	session_fixture_load(f, 1, after);
	session_fixture_load(f, 0, before);
	socket = f->model->sockets;
	assert_int_equal(socket->role, CWR_ROLE_ACCEPTED);
	assert_int_equal(socket->creator->t_session, MADE_T(1000));
	assert_int_equal(socket->creator->end, CWR_END_EXEC);
	assert_false(socket->holders->is_open);
	assert_int_equal(socket->holders->next->process->t_session, MADE_T(9000));
	assert_int_equal(socket->holders->next->via, CWR_VIA_EXEC);
	assert_int_equal(socket->holders->next->via_mark.t, MADE_T(8000));
	assert_string_equal(socket->holders->next->via_mark.op, "execve");
	assert_true(socket->holders->next->is_open);
	assert_int_equal(socket->holders->next->process->end, CWR_END_RUNNING);
}

static void test_the_exec_of_a_child_without_a_session_is_known(void **state)
{
	static const uint64_t ips[] = {0x1111, 0x2222};
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_fork *fork = made_fork(made, 201, 5100, made_stack(made, 1, &ips[0]));
	const struct cwr_process *process;

	fork->state = CW_FORK_EXECED;
	fork->exec_stack = made_stack(made, 1, &ips[1]);
	session_fixture_load(f, 0, made);
	process = cwr_model_find_process(f->model, 100);
	assert_int_equal(process->forks[0].mark.stack->ips[0], 0x1111);
	assert_int_equal(process->forks[0].executed.stack->ips[0], 0x2222);
	assert_int_equal(process->forks[0].executed.pid, 201);
}

static void test_a_duplicate_is_a_second_holder(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	const struct cwr_holder *first;

	made_slot(made, 9, 1)->created = made_mark(made, 5000, "accept", 0);
	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", 0);
	made->slots[7].via = CW_VIA_DUP;
	made->slots[7].from_fd = 9;
	made->slots[7].via_mark = made_mark(made, 5500, "dup", 0);
	session_fixture_load(f, 0, made);
	first = f->model->sockets->holders;
	assert_int_equal(first->fd, 9);
	assert_int_equal(first->next->fd, 7);
	assert_int_equal(first->next->via, CWR_VIA_DUP);
	assert_int_equal(first->next->via_mark.t, MADE_T(5500));
	assert_int_equal(first->next->via_mark.fd, 9);
	assert_true(first->is_creator && first->next->is_creator);
	assert_null(f->model->sockets->next);
}

/* The parent's number was given to another server before the child's session is read. */
static void test_a_child_is_not_joined_with_another_process_of_its_parents_number(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *parent, *child, *stranger = made_session_new(100);

	make_family(&parent, &child);
	made_session_free(parent);
	stranger->header.start_ticks = 77777;
	stranger->header.t_start = MADE_T(90000);
	made_fork(stranger, 201, 90100, 0);
	made_slot(stranger, 7, 3);
	session_fixture_load(f, 0, stranger);
	session_fixture_load(f, 1, child);
	assert_null(cwr_model_find_process(f->model, 201)->parent);
	assert_null(cwr_model_find_socket(f->model, 1)->creator);
	assert_null(cwr_model_find_socket(f->model, 3)->holders->next);
}

/* One closed it; another process has a new connection of the same number and addresses. */
static void test_a_closed_socket_is_not_joined_with_a_later_one(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *first = made_session_new(100), *second = made_session_new(300);
	const struct cwr_socket *closed, *open;

	made_handed(first, 7, 1, 6000)->created = made_mark(first, 5000, "accept", 0);
	second->header.t_start = MADE_T(7000);
	made_slot(second, 7, 2)->created = made_mark(second, 8000, "accept", 0);
	session_fixture_load(f, 0, first);
	session_fixture_load(f, 1, second);
	closed = cwr_model_find_socket(f->model, 1);
	open = cwr_model_find_socket(f->model, 2);
	assert_int_equal(closed->holders->process->pid, 100);
	assert_false(closed->holders->is_open);
	assert_null(closed->holders->next);
	assert_int_equal(open->holders->process->pid, 300);
	assert_true(open->holders->is_open);
	assert_null(open->holders->next);
}

/* A note is only of the socket that it was written for; the slot may hold another one since. */
static void test_a_note_about_an_earlier_socket_is_not_believed(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	struct cw_slot *slot = made_slot(made, 7, 2);

	made_fork(made, 201, 5100, 0);
	slot->note = (struct cw_note){.cookie_lo = 1, .fork_seq = 1};
	slot->note.closed = made_mark_of(made, 201, 5900, "close", 0);
	session_fixture_load(f, 0, made);
	assert_null(f->model->processes->next);
	assert_null(f->model->sockets->holders->next);
}

/* Only CLOCK_REALTIME can be set back; joins are by the other one. */
static void test_a_clock_that_was_set_back_changes_no_join(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *parent, *child;

	make_family(&parent, &child);
	child->header.t_start_real = parent->header.t_start_real - 86400ull * 1000000000;
	session_fixture_load(f, 0, parent);
	session_fixture_load(f, 1, child);
	check_family(f);
}

static void test_a_clock_that_was_set_back_does_not_turn_an_exec_around(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *before = made_session_new(100), *after = made_session_new(100);

	made_slot(before, 7, 1);
	made_slot(after, 8, 2);
	after->header.t_start = MADE_T(9000);
	after->header.t_start_real = before->header.t_start_real - 86400ull * 1000000000;
	session_fixture_load(f, 0, after);
	session_fixture_load(f, 1, before);
	assert_false(cwr_model_find_socket(f->model, 1)->holders->is_open);
	assert_true(cwr_model_find_socket(f->model, 2)->holders->is_open);
}

/* A relative whose file was cut or overwritten adds nothing, and takes nothing away. */
static void test_a_damaged_relative_is_left_out(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *parent, *child;
	struct cwr_error *error;

	make_family(&parent, &child);
	child->header.section[CW_SECTION_SLOTS].offset = UINT64_MAX - 8;
	made_session_write(child, f->path[1]);
	made_session_free(child);
	session_fixture_load(f, 0, parent);
	error = cwr_session_load(f->model, f->path[1]);
	assert_non_null(error);
	cwr_error_free(error);
	assert_null(f->model->processes->next);
	assert_null(f->model->sockets->holders->next);
	assert_true(f->model->sockets->holders->is_open);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, session_fixture_setup, session_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_parent_and_child_are_joined),
		CASE(test_the_order_of_reading_does_not_matter),
		CASE(test_a_child_announced_by_a_note_is_not_doubled),
		CASE(test_without_the_parent_the_copy_tells_the_site),
		CASE(test_a_reused_process_number_is_another_process),
		CASE(test_an_exec_ends_the_image_before_it),
		CASE(test_the_exec_of_a_child_without_a_session_is_known),
		CASE(test_a_duplicate_is_a_second_holder),
		CASE(test_a_child_is_not_joined_with_another_process_of_its_parents_number),
		CASE(test_a_closed_socket_is_not_joined_with_a_later_one),
		CASE(test_a_note_about_an_earlier_socket_is_not_believed),
		CASE(test_a_clock_that_was_set_back_changes_no_join),
		CASE(test_a_clock_that_was_set_back_does_not_turn_an_exec_around),
		CASE(test_a_damaged_relative_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
