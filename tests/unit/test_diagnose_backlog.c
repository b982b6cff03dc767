/* SPDX-License-Identifier: MIT */
/*
 * Causes without a descriptor: connections that wait to be accepted, and no descriptor left, on
 * made models with their near misses.
 */
#include "made_scene.h"

#include <errno.h>

/* The scene's socket becomes the listener, and three peers have come and gone meanwhile. */
static int set_backlog(void **state)
{
	struct scene *s;

	set_scene(state);
	s = *state;
	s->socket->role = CWR_ROLE_SOCKET;
	s->socket->state = CWR_TCP_LISTEN;
	s->socket->peer_has_closed = false;
	s->socket->peer = (struct cwr_addr){0};
	s->socket->recv_q = 3;
	s->socket->send_q = 16;
	s->owner->is_open = s->owner->is_confirmed = true;
	for (int i = 0; i < 3; i++) {
		struct cwr_socket *waiting = cwr_model_add_socket(s->model, 0x9000u + (uint64_t)i);

		waiting->listener = s->socket;
		waiting->state = CWR_TCP_CLOSE_WAIT;
		waiting->local = made_addr("127.0.0.1", 8080);
		waiting->peer = made_addr("127.0.0.1", (uint16_t)(6000 + i));
		waiting->peer_has_closed = waiting->is_confirmed = true;
		waiting->recv_q = 1;
		waiting->fin_age_s = 10 + i;
		waiting->created = s->socket->created;
	}
	return 0;
}

#define BACKLOG_TEST(name) cmocka_unit_test_setup_teardown(name, set_backlog, strike_scene)

static void test_never_accepted(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f = diagnose(s);

	assert_cause(s, "unaccepted-backlog");
	f = s->model->findings;
	assert_null(f->next);
	assert_int_equal(f->nsockets, 3);
	assert_int_equal(f->verdict, CWR_STALL);
	assert_ptr_equal(f->blamed[0], s->owner);
	assert_int_equal(f->evidence[CWR_EV_LAST_ACCEPT].t, 0);
	assert_non_null(strstr(f->explanation, "not called for it yet"));
}

static void test_the_last_accept_is_shown(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f;

	s->owner->last_use = made_mark(s->model, s->server, "accept4", 7, 60, 77);
	f = diagnose(s);
	assert_string_equal(f->cause, "unaccepted-backlog");
	assert_int_equal(f->evidence[CWR_EV_LAST_ACCEPT].stack->frames[0].line, 77);
}

static void test_the_one_who_accepted_last_is_blamed(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *worker = add_child(s, 1, true);

	worker->last_use = made_mark(s->model, worker->process, "accept", 7, 30, 77);
	assert_ptr_equal(diagnose(s)->blamed[0], worker);
}

/* A queue is there to be waited in. */
static void test_a_short_wait_is_none(void **state)
{
	struct scene *s = *state;

	for (struct cwr_socket *socket = s->model->sockets; socket; socket = socket->next)
		socket->fin_age_s = 0.2;
	assert_clean(s);
}

static void test_a_listener_that_is_closed_has_no_acceptor(void **state)
{
	struct scene *s = *state;

	s->owner->is_open = false;
	assert_clean(s);
}

/* --- fd-exhaustion --- */

/* The scene's connection was read to the end, and accept() failed on the server's listener. */
static int set_exhausted(void **state)
{
	struct scene *s;

	set_scene(state);
	s = *state;
	made_eof(s->model, s->socket, s->owner);
	s->server->emfile = 5;
	s->server->exhausted = made_mark(s->model, s->server, "accept4", 3, 2, 88);
	s->server->exhausted.result = -EMFILE;
	s->server->nfds = 100;
	s->server->fd_limit = 100;
	return 0;
}

#define EXHAUSTED_TEST(name) cmocka_unit_test_setup_teardown(name, set_exhausted, strike_scene)

static struct cwr_finding *find(const struct cwr_model *model, const char *cause)
{
	struct cwr_finding *f = model->findings;

	while (f && strcmp(f->cause, cause) != 0)
		f = f->next;
	return f;
}

static void test_exhaustion_names_what_led_to_it(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f, *leak;

	diagnose(s);
	f = find(s->model, "fd-exhaustion");
	leak = find(s->model, "eof-read-not-closed");
	assert_non_null(f);
	assert_int_equal(f->verdict, CWR_STALL);
	assert_int_equal(f->confidence, CWR_HIGH);
	assert_int_equal(f->ncalls, 5);
	assert_int_equal(f->nsockets, 0);
	assert_int_equal(f->evidence[CWR_EV_LAST_ACCEPT].stack->frames[0].line, 88);
	assert_string_equal(f->related[0], leak->id);
	assert_null(f->related[1]);
	assert_int_equal(s->model->summary[CWR_STALL], 0);
}

static void test_the_listener_is_what_stalls(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *listener = made_accepted(s->model, s->server, 3);

	listener->role = CWR_ROLE_SOCKET;
	listener->state = CWR_TCP_LISTEN;
	listener->peer_has_closed = false;
	s->server->exhausted_listener = listener;
	diagnose(s);
	assert_ptr_equal(find(s->model, "fd-exhaustion")->sockets[0], listener);
	assert_int_equal(s->model->summary[CWR_STALL], 1);
}

/* It ran into its limit once, and gave back what it had. */
static void test_recovered(void **state)
{
	struct scene *s = *state;

	s->server->nfds = 20;
	diagnose(s);
	assert_null(find(s->model, "fd-exhaustion"));
	assert_non_null(find(s->model, "eof-read-not-closed"));
}

/* Descriptors are scarce, and nothing that is reported here holds them. */
static void test_exhausted_by_something_else(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f;

	s->socket->peer_has_closed = false;
	s->owner->eof = (struct cwr_mark){0};
	diagnose(s);
	f = find(s->model, "fd-exhaustion");
	assert_int_equal(f->confidence, CWR_MEDIUM);
	assert_null(f->related[0]);
}

static void test_of_the_dead_the_limit_is_not_known(void **state)
{
	struct scene *s = *state;

	s->server->nfds = s->server->fd_limit = 0;
	diagnose(s);
	assert_int_equal(find(s->model, "fd-exhaustion")->confidence, CWR_MEDIUM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKLOG_TEST(test_never_accepted),
		BACKLOG_TEST(test_the_last_accept_is_shown),
		BACKLOG_TEST(test_the_one_who_accepted_last_is_blamed),
		BACKLOG_TEST(test_a_short_wait_is_none),
		BACKLOG_TEST(test_a_listener_that_is_closed_has_no_acceptor),
		EXHAUSTED_TEST(test_exhaustion_names_what_led_to_it),
		EXHAUSTED_TEST(test_the_listener_is_what_stalls),
		EXHAUSTED_TEST(test_recovered),
		EXHAUSTED_TEST(test_exhausted_by_something_else),
		EXHAUSTED_TEST(test_of_the_dead_the_limit_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
