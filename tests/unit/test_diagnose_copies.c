/* SPDX-License-Identifier: MIT */
/*
 * The rules about copies, in other processes and in the same one, on made models: each cause, and
 * what looks like it and is not.
 */
#include "made_scene.h"

static void test_parent_kept_copy(void **state)
{
	struct scene *s = *state;
	struct cwr_finding *f;

	serve_in_child(s);
	assert_cause(s, "parent-kept-copy");
	f = s->model->findings;
	assert_ptr_equal(f->process, s->server);
	assert_ptr_equal(f->blamed[0], s->owner);
	assert_int_equal(f->confidence, CWR_HIGH);
	assert_int_equal(f->nchildren, 1);
	assert_int_equal(f->children[0], 4250);
	assert_string_equal(f->evidence[CWR_EV_FORKED].op, "fork");
	assert_int_equal(f->evidence[CWR_EV_EOF].pid, 4250);
	assert_int_equal(f->evidence[CWR_EV_CLOSED_ELSEWHERE].pid, 4250);
	assert_non_null(strstr(f->advice, "after fork() at forkserver.c:92"));
}

/* The serving child was killed before it could read or close. */
static void test_parent_kept_copy_child_killed(void **state)
{
	struct scene *s = *state;

	made_fork(s->model, s->server, 1, 4250, true);
	assert_cause(s, "parent-kept-copy");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

/* A child still serves: the connection is its own matter. */
static void test_serving_child_is_no_parent_leak(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, true);

	assert_cause(s, "unread-not-closed");
	assert_ptr_equal(s->model->findings->blamed[0], copy);
}

/* A helper forked meanwhile ended; the server itself talks to the peer. */
static void test_helper_child_is_no_parent_leak(void **state)
{
	struct scene *s = *state;

	made_fork(s->model, s->server, 1, 4250, true);
	s->owner->last_use = made_mark(s->model, s->server, "read", 7, 18, 70);
	assert_cause(s, "unread-not-closed");
	s->owner->last_use.t = 0; /* before the end-of-file only the call is known */
	assert_cause(s, "unread-not-closed");
}

/* The server talks to its peers itself, and forgot this one; what it forked was a helper. */
static void test_forgotten_one_among_served_is_no_parent_leak(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *served = made_accepted(s->model, s->server, 8);

	made_fork(s->model, s->server, 1, 4250, true);
	served->state = CWR_TCP_ESTABLISHED;
	served->peer_has_closed = false;
	assert_cause(s, "parent-kept-copy");
	served->holders->last_use.op = "read";
	assert_cause(s, "unread-not-closed");
}

/* A later child ended, but the first one after the accept still serves. */
static void test_second_child_proves_nothing(void **state)
{
	struct scene *s = *state;

	add_child(s, 1, true);
	made_fork(s->model, s->server, 2, 4260, true);
	assert_cause(s, "unread-not-closed");
}

/* Both a child and the parent read: it is the parent's own connection. */
static void test_parent_that_reads_after_fork(void **state)
{
	struct scene *s = *state;

	serve_in_child(s);
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 9, 71);
	s->model->policy.in_use_s = 1;
	assert_cause(s, "eof-read-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_LOW);
}

/* A child that inherited, read the end-of-file and ends, closes by ending. */
static void test_ending_child_is_clean(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, true);

	s->owner->is_open = false;
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 19, 93);
	made_eof(s->model, s->socket, copy);
	copy->process->is_exiting = true;
	assert_clean(s);
	copy->process->is_exiting = false;
	assert_cause(s, "eof-read-not-closed");
}

static void test_dead_tree_speaks_from_history(void **state)
{
	struct scene *s = *state;

	serve_in_child(s);
	s->server->is_alive = false;
	s->socket->state = CWR_TCP_UNKNOWN;
	s->socket->is_confirmed = s->socket->peer_has_closed = s->owner->is_confirmed = false;
	s->socket->fin_age_s = -1;
	assert_cause(s, "parent-kept-copy");
	assert_false(s->model->findings->is_confirmed);
	assert_true(s->model->findings->oldest_s < 0);
}

static void close_by_owner(struct scene *s)
{
	made_eof(s->model, s->socket, s->owner);
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 9, 64);
	s->owner->is_open = false;
}

static void test_child_kept_copy(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, true);

	close_by_owner(s);
	assert_cause(s, "child-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], copy);
	assert_int_equal(s->model->findings->evidence[CWR_EV_CLOSED_ELSEWHERE].pid, 4242);
	assert_string_equal(s->model->findings->evidence[CWR_EV_FORKED].op, "fork");
}

/* A child served it, the owner is gone, and another child has a copy that it inherited by and by.
 */
static void test_sibling_kept_copy(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 2, true);

	serve_in_child(s);
	s->server->is_alive = s->owner->is_open = s->owner->is_confirmed = false;
	assert_cause(s, "child-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], copy);
	copy->process->parent = s->socket->last_holder->process; /* forked by it, long before */
	assert_cause(s, "child-kept-copy");
	copy->process->started_real_ns +=
		10 * (int64_t)MADE_SECOND; /* it was left the rest to do */
	assert_cause(s, "eof-read-not-closed");
}

/* It is the owner itself that left a child the rest to do. */
static void test_child_forked_after_the_end_is_no_kept_copy(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, true);

	close_by_owner(s);
	assert_cause(s, "child-kept-copy");
	s->server->forks[0].mark.t = s->owner->eof.t + MADE_SECOND;
	diagnose(s);
	assert_string_not_equal(s->model->findings->cause, "child-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], copy);
}

/* A correct server: the parent closes at once, the child is slow. */
static void test_slow_child_is_no_kept_copy(void **state)
{
	struct scene *s = *state;

	add_child(s, 1, true);
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 19, 93);
	s->owner->is_open = false;
	assert_cause(s, "unread-not-closed");
}

static struct cwr_holder *execute(struct scene *s, int fd)
{
	struct cwr_process *helper = made_process(s->model, 4300, "/usr/bin/helper");
	struct cwr_holder *copy = made_holder(s->model, s->socket, helper, fd, CWR_VIA_EXEC);

	helper->has_shim = false;
	return copy;
}

static void test_leaked_through_exec(void **state)
{
	struct scene *s = *state;

	execute(s, 7);
	close_by_owner(s);
	assert_cause(s, "leaked-through-exec");
	assert_int_equal(s->model->findings->process->pid, 4300);
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:88"));
}

/* Descriptor 0 was handed over on purpose. */
static void test_inetd_style_is_no_exec_leak(void **state)
{
	struct scene *s = *state;

	execute(s, 0);
	close_by_owner(s);
	assert_cause(s, "eof-read-not-closed");
}

/* The owner never served: the program without the shim may, unseen. */
static void test_exec_server_is_no_leak_by_exec(void **state)
{
	struct scene *s = *state;

	execute(s, 7);
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 19, 93);
	s->owner->is_open = false;
	assert_cause(s, "unread-not-closed");
}

/* The owner executed a program that leaves the end-of-file unread. */
static void test_own_exec_is_a_leak_by_exec(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = execute(s, 7);

	copy->process->pid = s->server->pid;
	copy->via_mark = made_mark(s->model, s->server, "execve", -1, 9, 70);
	s->server->is_alive = s->owner->is_open = false;
	s->socket->recv_q = 1;
	assert_cause(s, "leaked-through-exec");
	assert_string_equal(s->model->findings->evidence[CWR_EV_EXECUTED].op, "execve");
	s->socket->recv_q = 0; /* it was read: perhaps there, by a program that knows of it */
	assert_cause(s, "unread-not-closed");
	assert_string_equal(s->model->findings->evidence[CWR_EV_EXECUTED].op, "execve");
}

/* The end of a program closes what it was executed with, unless it was its own before. */
static void test_the_end_of_a_program_is_its_close(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = execute(s, 7);

	close_by_owner(s);
	copy->process->is_exiting = true;
	assert_clean(s);
	copy->process->is_later_image = true;
	assert_cause(s, "leaked-through-exec");
}

static void test_passed_copy_kept(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = pass_on(s);

	copy->closed = made_mark(s->model, copy->process, "close", 5, 9, 33);
	copy->is_open = false;
	assert_cause(s, "passed-copy-kept");
	assert_ptr_equal(s->model->findings->process, s->server);
}

/* The receiver is gone without a trace; its fork had a copy, too, which it closed at once. */
static void test_passed_on_to_a_child(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, false);

	copy->closed = made_mark(s->model, copy->process, "close", 7, 19, 30);
	assert_cause(s, "parent-kept-copy");
	s->owner->passed = made_mark(s->model, s->server, "sendmsg", 7, 18, 96);
	assert_cause(s, "passed-copy-kept");
	assert_non_null(strstr(s->model->findings->advice, "sendmsg() at forkserver.c:96"));
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 12, 97);
	assert_cause(s, "unread-not-closed");
}

static void test_receiver_that_forgets(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = pass_on(s);

	assert_cause(s, "eof-read-not-closed");
	assert_ptr_equal(s->model->findings->blamed[0], copy);
}

/* The sender is gone; another worker, and the receiver itself, were forked with copies. */
static void test_workers_with_copies_of_what_was_passed(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *received = pass_on(s);
	struct cwr_holder *own =
		made_holder(s->model, s->socket, received->process, 7, CWR_VIA_FORK);

	own->is_open = own->is_confirmed = true;
	s->owner->is_open = false;
	s->server->is_alive = false;
	assert_cause(s, "eof-read-not-closed"); /* by the receiver, as far as is known */
	received->closed = made_mark(s->model, received->process, "close", 5, 9, 33);
	received->is_open = false;
	assert_cause(s, "child-kept-copy");
	assert_ptr_equal(s->model->findings->blamed[0], own);
	own->last_use.op = "read";
	diagnose(s);
	assert_string_not_equal(s->model->findings->cause, "child-kept-copy");
}

static struct cwr_holder *duplicate(struct scene *s)
{
	struct cwr_holder *dup = made_holder(s->model, s->socket, s->server, 9, CWR_VIA_DUP);

	dup->via_mark = made_mark(s->model, s->server, "dup", 9, 18, 101);
	return dup;
}

/* The number that a stream had, which was closed after the FIN; the end-of-file was taken. */
static void test_duplicate_kept_of_a_stream(void **state)
{
	struct scene *s = *state;

	duplicate(s);
	s->owner->is_open = false;
	s->owner->closed = made_mark(s->model, s->server, "fclose", 7, 9, 93);
	s->socket->eof = CWR_EOF_SWALLOWED;
	s->socket->recv_q = 0;
	s->socket->fin_age_s = 10;
	assert_cause(s, "duplicate-kept");
	s->socket->fin_age_s = 8; /* closed before the FIN: only renumbered */
	assert_cause(s, "unread-not-closed");
	s->socket->fin_age_s = 10;
	s->owner->closed.op = "close";
	assert_cause(s, "unread-not-closed");
	s->owner->closed.op = "fclose";
	s->socket->eof = CWR_EOF_PENDING;
	s->socket->recv_q = 1;
	assert_cause(s, "unread-not-closed");
}

static void test_duplicate_kept(void **state)
{
	struct scene *s = *state;

	duplicate(s);
	close_by_owner(s);
	s->owner->closed.t = s->owner->eof.t; /* within one tick */
	assert_cause(s, "duplicate-kept");
	assert_int_equal(s->model->findings->blamed[0]->fd, 9);
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:101"));
}

/* Answered and closed by the one number, before the peer hung up; nobody ever used the other. */
static void set_answered(struct scene *s)
{
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 14, 64);
	s->owner->is_open = false;
	s->owner->last_use.op = "send";
	s->server->watches_known = true;
	s->socket->has_sent_age = s->socket->has_tcp_bytes = true;
	s->socket->bytes_received = s->socket->bytes_sent = 5;
	s->socket->sent_age_s = 15;
}

static void test_duplicate_kept_after_an_answer(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *dup = duplicate(s);

	set_answered(s);
	assert_cause(s, "duplicate-kept");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	assert_int_equal(s->model->findings->blamed[0]->fd, 9);
	dup->last_use.op = "write";
	assert_cause(s, "unread-not-closed");
	dup->last_use.op = NULL;
	s->socket->sent_age_s = 13; /* sent since, by a call that nobody saw */
	assert_cause(s, "unread-not-closed");
	s->socket->sent_age_s = 15;
	s->socket->bytes_received = 0; /* a greeting, and no answer */
	assert_cause(s, "unread-not-closed");
	s->socket->bytes_received = 5;
	s->owner->last_use.op = NULL; /* who had answered is not known */
	assert_cause(s, "unread-not-closed");
}

/* A duplicate made after the answer is for somebody who will use it. */
static void test_renumbering_after_an_answer_is_no_duplicate(void **state)
{
	struct scene *s = *state;

	duplicate(s);
	set_answered(s);
	s->socket->sent_age_s = 19;
	assert_cause(s, "unread-not-closed");
}

/* dup2() to another number and close() of the old one, long before the end. */
static void test_renumbering_is_no_duplicate(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *dup = duplicate(s);

	s->owner->closed = made_mark(s->model, s->server, "close", 7, 17, 64);
	s->owner->is_open = false;
	made_eof(s->model, s->socket, dup);
	assert_cause(s, "eof-read-not-closed");
}

/* The child still sends to a peer that closed its half: the parent's copy does no harm yet. */
static void test_in_use_in_child(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, true);

	made_eof(s->model, s->socket, copy);
	copy->last_use = made_mark(s->model, copy->process, "write", 7, 2, 77);
	assert_cause(s, "half-open-in-use");
	copy->last_use.t = 0;
	assert_cause(s, "parent-kept-copy");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_parent_kept_copy),
		SCENE_TEST(test_parent_kept_copy_child_killed),
		SCENE_TEST(test_serving_child_is_no_parent_leak),
		SCENE_TEST(test_helper_child_is_no_parent_leak),
		SCENE_TEST(test_forgotten_one_among_served_is_no_parent_leak),
		SCENE_TEST(test_second_child_proves_nothing),
		SCENE_TEST(test_parent_that_reads_after_fork),
		SCENE_TEST(test_ending_child_is_clean),
		SCENE_TEST(test_dead_tree_speaks_from_history),
		SCENE_TEST(test_child_kept_copy),
		SCENE_TEST(test_sibling_kept_copy),
		SCENE_TEST(test_child_forked_after_the_end_is_no_kept_copy),
		SCENE_TEST(test_slow_child_is_no_kept_copy),
		SCENE_TEST(test_leaked_through_exec),
		SCENE_TEST(test_inetd_style_is_no_exec_leak),
		SCENE_TEST(test_exec_server_is_no_leak_by_exec),
		SCENE_TEST(test_own_exec_is_a_leak_by_exec),
		SCENE_TEST(test_the_end_of_a_program_is_its_close),
		SCENE_TEST(test_passed_copy_kept),
		SCENE_TEST(test_passed_on_to_a_child),
		SCENE_TEST(test_workers_with_copies_of_what_was_passed),
		SCENE_TEST(test_receiver_that_forgets),
		SCENE_TEST(test_duplicate_kept),
		SCENE_TEST(test_duplicate_kept_of_a_stream),
		SCENE_TEST(test_renumbering_is_no_duplicate),
		SCENE_TEST(test_duplicate_kept_after_an_answer),
		SCENE_TEST(test_renumbering_after_an_answer_is_no_duplicate),
		SCENE_TEST(test_in_use_in_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
