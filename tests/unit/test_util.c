/* SPDX-License-Identifier: MIT */
/*
 * Durations and errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/duration.h"
#include "util/error.h"

static void test_durations_with_each_unit(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} cases[] = {
		{"0", 0},    {"3", 3},	   {"500ms", 0.5}, {"1s", 1},
		{"2m", 120}, {"1h", 3600}, {"1.5s", 1.5},  {"0.25h", 900},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double seconds = -1;

		assert_true(cwr_duration_parse(cases[i].text, &seconds));
		assert_float_equal(seconds, cases[i].seconds, 1e-9);
	}
}

static void test_what_is_no_duration_is_refused(void **state)
{
	static const char *const cases[] = {"",	  "s",	"-1",  "+1",  " 1",  "1 s", "1d",
					    "1.", ".5", "0x1", "1e3", "inf", "1ss", "1,5s"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double seconds = 7;

		assert_false(cwr_duration_parse(cases[i], &seconds));
		assert_float_equal(seconds, 7, 0);
	}
}

static void test_an_error_carries_status_and_message(void **state)
{
	struct cwr_error *error = cwr_error_new(CWR_EXIT_INPUT, "%s: bad at %d", "x.cws", 12);

	assert_int_equal(error->status, CWR_EXIT_INPUT);
	assert_string_equal(error->message, "x.cws: bad at 12");
	cwr_error_free(error);
	cwr_error_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_with_each_unit),
		cmocka_unit_test(test_what_is_no_duration_is_refused),
		cmocka_unit_test(test_an_error_carries_status_and_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
