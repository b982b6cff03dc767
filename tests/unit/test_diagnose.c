/* SPDX-License-Identifier: MIT */
/*
 * The rules of diagnose/ on made models: each cause, what looks like it and is not, the order of
 * decision, and how sockets become findings.
 */
#include "diagnose/cause.h"
#include "diagnose/diagnose.h"
#include "made_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

struct scene {
	struct cwr_model *model;
	struct cwr_process *server;
	struct cwr_socket *socket;
	struct cwr_holder *owner;
};

/* A server with one accepted connection, descriptor 7, the FIN unread. */
static int set_scene(void **state)
{
	static struct scene scene;

	scene.model = made_model();
	scene.server = made_process(scene.model, 4242, "/usr/bin/forkserver");
	scene.socket = made_accepted(scene.model, scene.server, 7);
	scene.owner = scene.socket->holders;
	*state = &scene;
	return 0;
}

static int strike_scene(void **state)
{
	struct scene *scene = *state;

	cwr_model_free(scene->model);
	return 0;
}

static struct cwr_finding *diagnose(struct scene *s)
{
	s->model->findings = NULL;
	cwr_diagnose(s->model);
	cwr_diagnose_advise(s->model);
	return s->model->findings;
}

#define assert_cause(scene, name)                             \
	do {                                                  \
		struct cwr_finding *found_ = diagnose(scene); \
		assert_non_null(found_);                      \
		assert_string_equal(found_->cause, name);     \
		assert_non_null(found_->explanation);         \
		assert_non_null(found_->advice);              \
	} while (0)

#define assert_clean(scene) assert_null(diagnose(scene))

/* The child that number `seq` of the server's forks made, with a copy of the socket. */
static struct cwr_holder *add_child(struct scene *s, uint32_t seq, bool is_alive)
{
	struct cwr_process *child =
		made_child(s->model, s->server, seq, 4242 + (pid_t)seq, is_alive);
	struct cwr_holder *copy =
		made_holder(s->model, s->socket, child, s->owner->fd, CWR_VIA_FORK);

	copy->is_open = copy->is_confirmed = is_alive;
	return copy;
}

static void serve_in_child(struct scene *s)
{
	struct cwr_process *child = made_child(s->model, s->server, 1, 4250, false);

	made_served_copy(s->model, s->socket, child, 7);
}

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

static struct cwr_holder *pass_on(struct scene *s)
{
	struct cwr_process *worker = made_process(s->model, 4400, "/usr/bin/worker");
	struct cwr_holder *copy = made_holder(s->model, s->socket, worker, 5, CWR_VIA_PASSED);

	copy->via_mark = made_mark(s->model, worker, "recvmsg", 5, 18, 30);
	made_eof(s->model, s->socket, copy);
	return copy;
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

static void test_receiver_that_forgets(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = pass_on(s);

	assert_cause(s, "eof-read-not-closed");
	assert_ptr_equal(s->model->findings->blamed[0], copy);
}

static struct cwr_holder *duplicate(struct scene *s)
{
	struct cwr_holder *dup = made_holder(s->model, s->socket, s->server, 9, CWR_VIA_DUP);

	dup->via_mark = made_mark(s->model, s->server, "dup", 9, 18, 101);
	return dup;
}

static void test_duplicate_kept(void **state)
{
	struct scene *s = *state;

	duplicate(s);
	close_by_owner(s);
	assert_cause(s, "duplicate-kept");
	assert_int_equal(s->model->findings->blamed[0]->fd, 9);
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:101"));
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

static void test_half_open_in_use(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 2, 77);
	assert_cause(s, "half-open-in-use");
	assert_int_equal(s->model->summary[CWR_IN_USE], 1);
	assert_int_equal(s->model->summary[CWR_LEAK], 0);
}

static void test_half_open_no_longer_in_use(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->eof.t = (MADE_NOW - 60) * MADE_SECOND;
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 11, 77);
	assert_cause(s, "eof-read-not-closed");
}

/* A read after the FIN is not a sign that the program still sends. */
static void test_reading_is_not_sending(void **state)
{
	struct scene *s = *state;

	s->owner->last_use = made_mark(s->model, s->server, "recv", 7, 2, 77);
	assert_cause(s, "unread-not-closed");
}

static void test_kernel_saw_data_sent(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->socket->has_sent_age = true;
	s->socket->sent_age_s = 3;
	assert_cause(s, "half-open-in-use");
	s->socket->sent_age_s = 10.5; /* before the FIN */
	assert_cause(s, "eof-read-not-closed");
}

static void test_unsent_data_that_shrinks(void **state)
{
	struct scene *s = *state;

	s->socket->send_q_before = 5000;
	s->socket->send_q = 4000;
	assert_cause(s, "half-open-in-use");
	s->socket->send_q = 5000;
	assert_cause(s, "unread-not-closed");
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

static void shut_down(struct scene *s, bool rd, bool wr, int seconds_ago)
{
	s->owner->shutdown = made_mark(s->model, s->server, "shutdown", 7, seconds_ago, 66);
	s->owner->shut_rd = rd;
	s->owner->shut_wr = wr;
}

static void test_shutdown_not_closed(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	shut_down(s, true, true, 9);
	s->socket->state = CWR_TCP_CLOSE;
	assert_cause(s, "shutdown-not-closed");
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:66"));
	assert_string_equal(s->model->findings->also_possible[0], "reset-not-closed");
}

/* A client that ends politely and then forgets to close after the end-of-file. */
static void test_polite_end_lacks_close_after_eof(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	shut_down(s, false, true, 15);
	assert_cause(s, "eof-read-not-closed");
}

/* After its own shutdown(SHUT_RD) reads return 0 though the peer is there. */
static void test_own_shutdown_is_no_fin(void **state)
{
	struct scene *s = *state;

	shut_down(s, true, false, 15);
	made_eof(s->model, s->socket, s->owner);
	s->socket->peer_has_closed = s->socket->is_confirmed = false;
	s->socket->state = CWR_TCP_UNKNOWN;
	assert_clean(s);
	s->owner->shutdown.t = 0;
	s->owner->shut_rd = false;
	assert_cause(s, "eof-read-not-closed");
}

static void test_reset_not_closed(void **state)
{
	struct scene *s = *state;

	s->socket->state = CWR_TCP_CLOSE;
	assert_cause(s, "reset-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	s->owner->saw_reset = true;
	assert_cause(s, "reset-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
}

/* A socket that never was connected is in state CLOSE as well. */
static void test_unconnected_socket_is_clean(void **state)
{
	struct scene *s = *state;

	s->socket->state = CWR_TCP_CLOSE;
	s->socket->role = CWR_ROLE_CONNECTED;
	assert_clean(s);
	s->socket->role = CWR_ROLE_SOCKET;
	assert_clean(s);
}

static void test_eof_read_not_closed(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	assert_non_null(strstr(s->model->findings->advice, "read() returns 0 at forkserver.c:60"));
}

static void test_unread_not_closed(void **state)
{
	struct scene *s = *state;

	assert_cause(s, "unread-not-closed");
	assert_non_null(strstr(s->model->findings->explanation, "waits unread"));
	s->socket->recv_q = 0; /* swallowed with the last data */
	assert_cause(s, "unread-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_LOW);
}

static void test_opened_elsewhere(void **state)
{
	struct scene *s = *state;

	s->socket->created = (struct cwr_mark){0};
	assert_cause(s, "opened-elsewhere");
	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
}

static void test_what_is_no_leak(void **state)
{
	struct scene *s = *state;

	s->socket->peer_has_closed = false;
	s->socket->state = CWR_TCP_ESTABLISHED;
	assert_clean(s);
	s->socket->peer_has_closed = true;
	s->socket->state = CWR_TCP_LISTEN;
	assert_clean(s);
	s->socket->state = CWR_TCP_CLOSE_WAIT;
	s->socket->role = CWR_ROLE_PAIR;
	assert_clean(s);
	s->socket->role = CWR_ROLE_ACCEPTED;
	s->owner->is_open = false;
	assert_clean(s);
}

static void test_min_age(void **state)
{
	struct scene *s = *state;

	s->socket->fin_age_s = 0.5;
	assert_clean(s);
	s->model->policy.min_age_s = 0.25;
	assert_cause(s, "unread-not-closed");
}

/* At exit an end-of-file that was read counts at once, an unread one by its age. */
static void test_min_age_at_exit(void **state)
{
	struct scene *s = *state;

	s->server->is_exiting = true;
	s->socket->fin_age_s = 0.1;
	assert_clean(s);
	made_eof(s->model, s->socket, s->owner);
	s->owner->eof.t = s->model->now - 1000;
	assert_cause(s, "eof-read-not-closed");
	s->server->is_exiting = false;
	assert_clean(s);
}

static void test_only_cause(void **state)
{
	struct scene *s = *state;

	s->model->policy.only_cause = "eof-read-not-closed";
	assert_clean(s);
	s->model->policy.only_cause = "unread-not-closed";
	assert_cause(s, "unread-not-closed");
}

/* What more facts decide comes before what fewer facts decide. */
static void test_order_of_decision(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
	s->owner->saw_reset = true;
	assert_cause(s, "reset-not-closed");
	shut_down(s, true, true, 9);
	assert_cause(s, "shutdown-not-closed");
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 2, 77);
	assert_cause(s, "half-open-in-use");
	s->owner->eof.t = s->owner->shutdown.t = s->owner->last_use.t = 0;
	serve_in_child(s);
	assert_cause(s, "parent-kept-copy");
}

static void test_grouping(void **state)
{
	struct scene *s = *state;
	struct cwr_finding *f;

	s->owner->is_open = false;
	for (int i = 0; i < 5; i++) {
		struct cwr_socket *socket =
			made_parent_leak(s->model, s->server, 10 + i, (uint32_t)i + 1);

		socket->fin_age_s = 20 + i;
	}
	made_accepted(s->model, s->server, 30)->holders->fork_seq = 5; /* after all forks */
	f = diagnose(s);
	assert_string_equal(f->cause, "parent-kept-copy");
	assert_int_equal(f->nsockets, 5);
	assert_int_equal(f->nchildren, 5);
	assert_int_equal(f->sockets[0]->cookie, 0x1000 + 14); /* the oldest */
	assert_true(f->oldest_s > 23.9 && f->oldest_s < 24.1);
	assert_int_equal(f->site.created, 20);
	assert_string_equal(f->next->cause, "unread-not-closed");
	assert_null(f->next->next);
	assert_int_equal(s->model->summary[CWR_LEAK], 6);
}

/* Equal in another run of the same build, at other addresses and with other process numbers. */
static void test_fingerprint(void **state)
{
	struct scene *s = *state;
	char first[17];

	snprintf(first, sizeof(first), "%s", diagnose(s)->id);
	assert_int_equal(strlen(first), 16);
	s->server->pid = 77;
	s->server->modules->start += 0x10000000;
	s->server->modules->end += 0x10000000;
	s->server->modules->bias += 0x10000000;
	for (size_t i = 0; i < 2; i++)
		s->socket->created.stack->ips[i] += 0x10000000;
	assert_string_equal(diagnose(s)->id, first);
	s->socket->created.stack->ips[0] += 1;
	assert_string_not_equal(diagnose(s)->id, first);
}

static void test_table(void **state)
{
	for (size_t i = 0; cwr_causes[i]; i++) {
		assert_ptr_equal(cwr_cause_find(cwr_causes[i]->id), cwr_causes[i]);
		assert_non_null(cwr_causes[i]->title);
		assert_non_null(cwr_causes[i]->decide);
		assert_non_null(cwr_causes[i]->advise);
	}
	assert_null(cwr_cause_find("no-such-cause"));
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_scene, strike_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_parent_kept_copy),
		SCENE_TEST(test_parent_kept_copy_child_killed),
		SCENE_TEST(test_serving_child_is_no_parent_leak),
		SCENE_TEST(test_helper_child_is_no_parent_leak),
		SCENE_TEST(test_second_child_proves_nothing),
		SCENE_TEST(test_parent_that_reads_after_fork),
		SCENE_TEST(test_ending_child_is_clean),
		SCENE_TEST(test_dead_tree_speaks_from_history),
		SCENE_TEST(test_child_kept_copy),
		SCENE_TEST(test_slow_child_is_no_kept_copy),
		SCENE_TEST(test_leaked_through_exec),
		SCENE_TEST(test_inetd_style_is_no_exec_leak),
		SCENE_TEST(test_exec_server_is_no_leak_by_exec),
		SCENE_TEST(test_passed_copy_kept),
		SCENE_TEST(test_receiver_that_forgets),
		SCENE_TEST(test_duplicate_kept),
		SCENE_TEST(test_renumbering_is_no_duplicate),
		SCENE_TEST(test_half_open_in_use),
		SCENE_TEST(test_half_open_no_longer_in_use),
		SCENE_TEST(test_reading_is_not_sending),
		SCENE_TEST(test_kernel_saw_data_sent),
		SCENE_TEST(test_unsent_data_that_shrinks),
		SCENE_TEST(test_in_use_in_child),
		SCENE_TEST(test_shutdown_not_closed),
		SCENE_TEST(test_polite_end_lacks_close_after_eof),
		SCENE_TEST(test_own_shutdown_is_no_fin),
		SCENE_TEST(test_reset_not_closed),
		SCENE_TEST(test_unconnected_socket_is_clean),
		SCENE_TEST(test_eof_read_not_closed),
		SCENE_TEST(test_unread_not_closed),
		SCENE_TEST(test_opened_elsewhere),
		SCENE_TEST(test_what_is_no_leak),
		SCENE_TEST(test_min_age),
		SCENE_TEST(test_min_age_at_exit),
		SCENE_TEST(test_only_cause),
		SCENE_TEST(test_order_of_decision),
		SCENE_TEST(test_grouping),
		SCENE_TEST(test_fingerprint),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
