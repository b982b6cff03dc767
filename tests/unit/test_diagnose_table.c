/* SPDX-License-Identifier: MIT */
/*
 * The table that rules look things up in: every entry is found again however far it has grown, and
 * keys that differ in any word are different.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "diagnose/table.h"

enum { ENTRIES = 20000 };

static int setup(void **state)
{
	*state = cwr_model_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	cwr_model_free(*state);
	return 0;
}

static void test_an_empty_table_has_nothing(void **state)
{
	const struct cwr_table table = {.model = *state};
	const struct cwr_key key = {{0}};

	assert_null(cwr_table_find(&table, &key));
}

static void test_entries_are_found_again(void **state)
{
	struct cwr_table table = {.model = *state};

	for (uint64_t i = 0; i < ENTRIES; i++) {
		const struct cwr_key key = {{i, i % 3}};
		uint64_t *entry = cwr_table_get(&table, &key, sizeof(*entry));

		assert_int_equal(*entry, 0);
		*entry = i + 1;
	}
	assert_int_equal(table.n, ENTRIES);
	for (uint64_t i = 0; i < ENTRIES; i++) {
		const struct cwr_key key = {{i, i % 3}};
		const uint64_t *entry = cwr_table_find(&table, &key);

		assert_non_null(entry);
		assert_int_equal(*entry, i + 1);
		assert_ptr_equal(cwr_table_get(&table, &key, sizeof(*entry)), entry);
	}
	assert_int_equal(table.n, ENTRIES);
}

static void test_every_word_of_a_key_counts(void **state)
{
	struct cwr_table table = {.model = *state};
	const struct cwr_key none = {{0}};

	for (size_t i = 0; i < sizeof(none.word) / sizeof(none.word[0]); i++) {
		struct cwr_key key = none;

		key.word[i] = 1;
		assert_null(cwr_table_find(&table, &key));
		cwr_table_get(&table, &key, 1);
	}
	assert_null(cwr_table_find(&table, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_empty_table_has_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entries_are_found_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_word_of_a_key_counts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
