/* SPDX-License-Identifier: MIT */
/*
 * closed-late on made models, with its near misses.
 */
#include "made_scene.h"

#include <string.h>

/* Read to the end 100 s ago, closed 20 s ago; the process calls a minute late. */
static int set_late(void **state)
{
	struct scene *s;

	set_scene(state);
	s = *state;
	s->server->late_s = 60;
	s->owner->eof = made_mark(s->model, s->server, "read", 7, 100, 50);
	s->owner->closed = made_mark(s->model, s->server, "close", 7, 20, 60);
	s->owner->is_open = s->owner->is_confirmed = false;
	s->socket->state = CWR_TCP_UNKNOWN;
	s->socket->is_confirmed = false;
	return 0;
}

#define LATE_TEST(name) cmocka_unit_test_setup_teardown(name, set_late, strike_scene)

static void test_late(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f;

	assert_cause(s, "closed-late");
	f = s->model->findings;
	assert_int_equal(f->verdict, CWR_STALL);
	assert_int_equal(f->confidence, CWR_HIGH);
	assert_true(f->is_confirmed);
	assert_int_equal(f->oldest_s, 80);
	assert_int_equal(f->evidence[CWR_EV_CLOSED_ELSEWHERE].stack->frames[0].line, 60);
}

static void test_in_time(void **state)
{
	struct scene *s = *state;

	s->owner->closed = made_mark(s->model, s->server, "close", 7, 50, 60);
	assert_clean(s);
}

static void test_what_is_late_can_be_asked(void **state)
{
	struct scene *s = *state;

	s->model->policy.late_s = 81;
	assert_clean(s);
	s->model->policy.late_s = 79;
	assert_cause(s, "closed-late");
}

/* Somebody has it open still: that is another story. */
static void test_still_open_elsewhere(void **state)
{
	struct scene *s = *state;

	add_child(s, 1, true);
	diagnose(s);
	for (const struct cwr_finding *f = s->model->findings; f; f = f->next)
		assert_string_not_equal(f->cause, "closed-late");
}

static void test_end_of_file_never_read(void **state)
{
	struct scene *s = *state;

	s->owner->eof = (struct cwr_mark){0};
	assert_clean(s); /* nobody knows how long the peer had been gone */
	s->owner->probe.fin_seen = true;
	s->owner->probe.state = CWR_TCP_CLOSE_WAIT;
	s->owner->probe.fin_age_s = 70;
	assert_cause(s, "closed-late");
	assert_int_equal(s->model->findings->oldest_s, 70);
	s->owner->probe.fin_age_s = 50;
	assert_clean(s);
}

static void test_known_from_notes_alone(void **state)
{
	struct scene *s = *state;

	s->server->late_s = 0;
	assert_clean(s);
}

/* A child read the end and the parent closed its copy when it got round to it: not the reader. */
static void test_closed_by_another_process(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, false);

	copy->eof = s->owner->eof;
	copy->eof.t -= 1;
	assert_clean(s);
}

/* --- Seen from outside. --- */

/* Stood unread until 20 s ago, when the owner closed it; no record of the shim says so. */
static int set_seen(void **state)
{
	struct scene *s;

	set_late(state);
	s = *state;
	s->owner->eof = (struct cwr_mark){0};
	s->socket->stood_s = 80;
	s->socket->stood_until = s->owner->closed.t;
	return 0;
}

#define SEEN_TEST(name) cmocka_unit_test_setup_teardown(name, set_seen, strike_scene)

static void test_seen(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f;

	assert_cause(s, "closed-late");
	f = s->model->findings;
	assert_int_equal(f->confidence, CWR_HIGH);
	assert_true(f->is_confirmed);
	assert_int_equal(f->oldest_s, 80);
	assert_int_equal(f->evidence[CWR_EV_CLOSED_ELSEWHERE].stack->frames[0].line, 60);
	assert_non_null(strstr(f->explanation, "seen to stand"));
	s->socket->stood_s = 50;
	assert_clean(s);
}

/* The close that is known came before it was seen last: it was another's that ended it. */
static void test_seen_with_an_older_close(void **state)
{
	struct scene *s = *state;
	const struct cwr_finding *f;

	s->socket->stood_until += 5 * MADE_SECOND;
	assert_cause(s, "closed-late");
	f = s->model->findings;
	assert_int_equal(f->confidence, CWR_MEDIUM);
	assert_int_equal(f->evidence[CWR_EV_CLOSED_ELSEWHERE].t, 0);
	assert_non_null(strstr(f->explanation, "somebody closed it"));
}

/* The copy of a child that goes by its parent's limit. */
static void test_seen_with_a_child_that_closed(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *copy = add_child(s, 1, false);

	copy->closed = s->owner->closed;
	copy->closed.t += MADE_SECOND;
	assert_cause(s, "closed-late");
	assert_ptr_equal(s->model->findings->process, copy->process);
	s->server->late_s = 90;
	assert_clean(s);
}

static void test_seen_and_still_open(void **state)
{
	struct scene *s = *state;

	add_child(s, 1, true);
	diagnose(s);
	for (const struct cwr_finding *f = s->model->findings; f; f = f->next)
		assert_string_not_equal(f->cause, "closed-late");
}

/* A pool keeps what it has used again, and the one or two that it may need. */
static void test_a_pool_may_take_its_time(void **state)
{
	struct scene *s = *state;

	s->socket->role = CWR_ROLE_CONNECTED;
	s->socket->site = (struct cwr_site_stats){.known = true, .created = 3, .closed = 3};
	assert_cause(s, "closed-late");
	s->owner->turns = 1;
	assert_clean(s);
	s->owner->turns = 0;
	s->socket->site.created = 2;
	assert_clean(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LATE_TEST(test_late),
		LATE_TEST(test_in_time),
		LATE_TEST(test_what_is_late_can_be_asked),
		LATE_TEST(test_still_open_elsewhere),
		LATE_TEST(test_end_of_file_never_read),
		LATE_TEST(test_known_from_notes_alone),
		LATE_TEST(test_closed_by_another_process),
		SEEN_TEST(test_seen),
		SEEN_TEST(test_seen_with_an_older_close),
		SEEN_TEST(test_seen_with_a_child_that_closed),
		SEEN_TEST(test_seen_and_still_open),
		SEEN_TEST(test_a_pool_may_take_its_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
