/* SPDX-License-Identifier: MIT */
/*
 * What samples say of a connection in CLOSE_WAIT: how long it has stood, and whether it is in use.
 */
#include "made_scene.h"

#include "cmd/sighting.h"

#define IN_USE_S 10

/* The FIN came age_s ago, by the kernel's clock, and data was sent last sent_s ago; < 0: never. */
static struct cwr_diag_row row_of(double age_s, double sent_s)
{
	return (struct cwr_diag_row){
		.cookie = 1,
		.state = CWR_TCP_CLOSE_WAIT,
		.recv_q = 1,
		.info = {.is_known = true,
			 .last_ack_s = age_s,
			 .sent_s = sent_s < 0 ? age_s + 100 : sent_s,
			 .bytes_sent = sent_s < 0 ? 0 : 10},
	};
}

static void take(struct cwr_sighting *sighting, struct cwr_diag_row row, double at)
{
	cwr_sighting_take(sighting, &row, IN_USE_S, (uint64_t)((100 + at) * 1e9));
}

static void test_the_kernel_knows_what_came_before_the_first_look(void **state)
{
	struct cwr_sighting seen = {0};

	(void)state;
	take(&seen, row_of(70, -1), 0);
	assert_float_equal(seen.age_s, 70, 0.01);
	assert_float_equal(seen.quiet_s, 70, 0.01);
	assert_false(seen.may_be_in_use);
}

/* Each acknowledgement sets the kernel's clock back. */
static void test_our_own_clock_is_a_lower_bound_too(void **state)
{
	struct cwr_sighting seen = {0};

	(void)state;
	take(&seen, row_of(5, -1), 0);
	take(&seen, row_of(0.1, -1), 20);
	assert_float_equal(seen.age_s, 20, 0.01);
	take(&seen, row_of(0.1, -1), 20);
	assert_float_equal(seen.quiet_s, 20, 0.01);
}

static void test_what_still_sends_is_in_use(void **state)
{
	struct cwr_sighting seen = {0};

	(void)state;
	for (int second = 0; second < 100; second++)
		take(&seen, row_of(0.2, 0.2), second);
	assert_true(seen.may_be_in_use);
	assert_float_equal(seen.age_s, 99, 0.01);
	assert_float_equal(seen.quiet_s, 0.2, 0.01);
	take(&seen, row_of(30, 30), 130); /* and then no more */
	assert_false(seen.may_be_in_use);
	assert_float_equal(seen.quiet_s, 30, 0.01);
}

static void test_an_answer_before_the_end_is_no_use_after_it(void **state)
{
	struct cwr_sighting seen = {0};

	(void)state;
	take(&seen, row_of(3, 3.1), 0);
	assert_false(seen.may_be_in_use);
	assert_float_equal(seen.quiet_s, 3, 0.01);
}

static void test_what_is_under_way_may_be_in_use(void **state)
{
	struct cwr_sighting seen = {0};
	struct cwr_diag_row row = row_of(3, -1);

	(void)state;
	row.send_q = 1;
	take(&seen, row, 0);
	assert_true(seen.may_be_in_use);
}

static void test_the_user_says_how_long_a_use_lasts(void **state)
{
	struct cwr_sighting lately = {0}, long_ago = {0};
	const struct cwr_diag_row row = row_of(30, 5);

	(void)state;
	cwr_sighting_take(&lately, &row, 6, 1);
	cwr_sighting_take(&long_ago, &row, 4, 1);
	assert_true(lately.may_be_in_use);
	assert_false(long_ago.may_be_in_use);
}

/* --- The last word on what a process had open when it ended. --- */

static struct cwr_sighting stood(void)
{
	struct cwr_sighting seen = {0};

	take(&seen, row_of(20, -1), 0);
	return seen;
}

static void test_the_last_word_is_a_probe(void **state)
{
	struct scene *s = *state;
	const struct cwr_sighting seen = stood();

	cwr_sighting_tell(&seen, s->owner);
	assert_true(s->owner->probe.is_last);
	assert_false(s->owner->probe.is_confirmed);
	assert_int_equal(s->owner->probe.state, CWR_TCP_CLOSE_WAIT);
	assert_int_equal(s->owner->probe.recv_q, 1);
	assert_float_equal(s->owner->probe.fin_age_s, 20, 0.01);
}

static void test_no_word_where_more_must_be_known(void **state)
{
	struct scene *s = *state;
	struct cwr_sighting seen = stood();

	s->owner->is_open = false;
	cwr_sighting_tell(&seen, s->owner);
	assert_int_equal(s->owner->probe.t, 0);
	s->owner->is_open = true;
	s->socket->role = CWR_ROLE_CONNECTED;
	cwr_sighting_tell(&seen, s->owner);
	assert_int_equal(s->owner->probe.t, 0);
	s->socket->role = CWR_ROLE_ACCEPTED;
	seen.may_be_in_use = true;
	cwr_sighting_tell(&seen, s->owner);
	assert_int_equal(s->owner->probe.t, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_kernel_knows_what_came_before_the_first_look),
		cmocka_unit_test(test_our_own_clock_is_a_lower_bound_too),
		cmocka_unit_test(test_what_still_sends_is_in_use),
		cmocka_unit_test(test_an_answer_before_the_end_is_no_use_after_it),
		cmocka_unit_test(test_what_is_under_way_may_be_in_use),
		cmocka_unit_test(test_the_user_says_how_long_a_use_lasts),
		SCENE_TEST(test_the_last_word_is_a_probe),
		SCENE_TEST(test_no_word_where_more_must_be_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
