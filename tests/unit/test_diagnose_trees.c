/* SPDX-License-Identifier: MIT */
/*
 * The rules about copies in trees of more than two generations, and after more than one sending: on
 * made models.
 */
#include "made_scene.h"

/* Two generations: who is in the middle closes, or keeps what its child served. */
static void test_parent_in_the_middle(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *middle = add_child(s, 1, true);
	struct cwr_process *server = made_child(s->model, middle->process, 1, 4260, false);

	made_served_copy(s->model, s->socket, server, 7);
	assert_cause(s, "parent-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], s->owner);
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 18, 93);
	s->owner->is_open = false;
	assert_cause(s, "parent-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], middle);
	assert_int_equal(s->model->findings->evidence[CWR_EV_FORKED].pid, middle->process->pid);
	middle->eof = made_mark(s->model, middle->process, "read", 7, 9, 60);
	diagnose(s);
	assert_string_not_equal(s->model->findings->cause, "parent-kept-copy");
}

/* Neither has a session: who of the two was forked by the other is known of the first child. */
static void test_family_without_sessions(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *first = add_child(s, 1, true), *copy;
	struct cwr_process *server = made_process(s->model, 4260, s->server->exe);

	server->parent = s->server;
	server->parent_fork_seq = 1;
	server->is_alive = false;
	copy = made_served_copy(s->model, s->socket, server, 7);
	copy->via_mark = s->server->forks[0].mark;
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 18, 93);
	s->owner->is_open = false;
	assert_cause(s, "parent-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], first);
	assert_int_equal(s->model->findings->evidence[CWR_EV_FORKED].t, 0);
	first->process->pid = 4270; /* a grandchild, too */
	diagnose(s);
	assert_string_equal(s->model->findings->cause, "eof-read-not-closed");
}

/* What a receiver's child served is no matter of the first sender's forks. */
static void test_receiver_is_the_parent(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *received = pass_on(s);
	struct cwr_process *server = made_child(s->model, received->process, 1, 4410, false);

	received->process->parent = s->server; /* forked before the connection came */
	received->process->parent_fork_seq = 1;
	s->owner->fork_seq = 1;
	received->eof.t = 0;
	made_served_copy(s->model, s->socket, server, 5);
	s->owner->passed = made_mark(s->model, s->server, "sendmsg", 7, 19, 96);
	assert_cause(s, "parent-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], received);
	received->closed = made_mark(s->model, received->process, "close", 5, 17, 33);
	received->is_open = false;
	assert_cause(s, "passed-copy-kept");
	assert_ptr_equal(s->model->findings->blamed[0], s->owner);
}

/* It went on to a second receiver; or it came back to the one who had sent it. */
static void test_passed_on_and_back(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *first = pass_on(s), *second;
	struct cwr_process *last = made_process(s->model, 4500, "/usr/bin/worker");

	s->owner->passed = made_mark(s->model, s->server, "sendmsg", 7, 19, 96);
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 19, 97);
	s->owner->is_open = false;
	first->eof.t = 0;
	first->passed = made_mark(s->model, first->process, "sendmsg", 5, 17, 31);
	second = made_holder(s->model, s->socket, last, 6, CWR_VIA_PASSED);
	second->via_mark = made_mark(s->model, last, "recvmsg", 6, 16, 30);
	made_eof(s->model, s->socket, second);
	assert_cause(s, "eof-read-not-closed");
	second->closed = made_mark(s->model, last, "close", 6, 9, 33);
	second->is_open = false;
	assert_cause(s, "passed-copy-kept");
	assert_ptr_equal(s->model->findings->blamed[0], first);

	second->process = s->server; /* it was the sender that got it back, and forgot it */
	second->is_open = true;
	first->closed = made_mark(s->model, first->process, "close", 5, 17, 33);
	first->is_open = false;
	second->closed.t = second->eof.t = 0;
	diagnose(s);
	assert_string_not_equal(s->model->findings->cause, "passed-copy-kept");
}

static struct cwr_holder *execute(struct scene *s, bool has_shim)
{
	struct cwr_process *program = made_process(s->model, 4300, "/usr/bin/helper");
	struct cwr_holder *copy = made_holder(s->model, s->socket, program, 7, CWR_VIA_EXEC);

	program->has_shim = has_shim;
	return copy;
}

/* It may have been made for the connection, unless the owner served that. */
static void test_a_program_that_has_not_begun_is_no_leak_by_exec(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = execute(s, true);

	s->owner->closed = made_mark(s->model, s->server, "close", 7, 19, 93);
	s->owner->is_open = false;
	assert_cause(s, "unread-not-closed");
	s->owner->last_use.op = "read";
	assert_cause(s, "leaked-through-exec");
	copy->last_use.op = "read";
	assert_cause(s, "unread-not-closed");
	copy->last_use.op = NULL;
	copy->process->has_shim = false; /* then nobody knows */
	assert_cause(s, "unread-not-closed");
}

/* The first child executed a program; somebody took the end-of-file from the queue. */
static void test_a_program_that_reads_unseen(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy;

	made_fork(s->model, s->server, 1, 4300, false);
	s->server->forks[0].executed = made_mark(s->model, s->server, "execve", -1, 18, 70);
	s->socket->recv_q = 0;
	s->socket->eof = CWR_EOF_SWALLOWED;
	s->socket->has_tcp_bytes = true;
	s->socket->bytes_received = 5;
	assert_cause(s, "parent-kept-copy");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	copy = execute(s, false); /* it has it still */
	assert_cause(s, "unread-not-closed");
	copy->is_open = false;
	s->owner->via_mark = made_mark(s->model, s->server, "fdopen", 7, 19, 71);
	assert_cause(s, "unread-not-closed"); /* a stream of the owner's may have read it */
}

/* A process without the library has it, and nobody knows whether it was sent it. */
static void test_passed_to_a_program_that_is_not_recorded(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = execute(s, false);

	copy->via = CWR_VIA_UNKNOWN;
	s->owner->passed = made_mark(s->model, s->server, "sendmsg", 7, 19, 96);
	assert_cause(s, "unread-not-closed");
	copy->is_open = false;
	assert_cause(s, "passed-copy-kept");
	s->owner->last_use.op = "read"; /* it uses it itself, since the sending */
	assert_cause(s, "unread-not-closed");
	s->owner->last_use.op = "sendmsg";
	assert_cause(s, "passed-copy-kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_parent_in_the_middle),
		SCENE_TEST(test_family_without_sessions),
		SCENE_TEST(test_receiver_is_the_parent),
		SCENE_TEST(test_passed_on_and_back),
		SCENE_TEST(test_a_program_that_has_not_begun_is_no_leak_by_exec),
		SCENE_TEST(test_a_program_that_reads_unseen),
		SCENE_TEST(test_passed_to_a_program_that_is_not_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
