/* SPDX-License-Identifier: MIT */
/*
 * The writer of JSON documents: what it writes, letter by letter, and that another reader finds in
 * it what was written.
 */
#include "util/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct page {
	struct cwr_json json;
	FILE *file;
	char *text;
	size_t size;
};

static int set_page(void **state)
{
	struct page *page = calloc(1, sizeof(*page));

	assert_non_null(page);
	page->file = open_memstream(&page->text, &page->size);
	cwr_json_start(&page->json, page->file);
	*state = page;
	return 0;
}

static int strike_page(void **state)
{
	struct page *page = *state;

	fclose(page->file);
	free(page->text);
	free(page);
	return 0;
}

static const char *finish(struct page *page)
{
	assert_true(cwr_json_finish(&page->json));
	assert_int_equal(fflush(page->file), 0);
	return page->text;
}

static void test_a_document_is_indented(void **state)
{
	struct page *page = *state;
	struct cwr_json *json = &page->json;

	cwr_json_open_object(json, NULL);
	cwr_json_integer(json, "pid", 42);
	cwr_json_open_array(json, "frames");
	cwr_json_bool(json, NULL, true);
	cwr_json_open_object(json, NULL);
	cwr_json_null(json, "line");
	cwr_json_close_object(json);
	cwr_json_close_array(json);
	cwr_json_open_array(json, "limits");
	cwr_json_close_array(json);
	cwr_json_open_object(json, "stacks");
	cwr_json_close_object(json);
	cwr_json_close_object(json);
	assert_string_equal(finish(page), "{\n"
					  "  \"pid\": 42,\n"
					  "  \"frames\": [\n"
					  "    true,\n"
					  "    {\n"
					  "      \"line\": null\n"
					  "    }\n"
					  "  ],\n"
					  "  \"limits\": [],\n"
					  "  \"stacks\": {}\n"
					  "}\n");
}

static void test_a_deep_document_is_indented_too(void **state)
{
	enum { DEPTH = 40 };
	struct page *page = *state;
	char *line;

	for (int i = 0; i < DEPTH; i++)
		cwr_json_open_array(&page->json, NULL);
	for (int i = 0; i < DEPTH; i++)
		cwr_json_close_array(&page->json);
	finish(page);
	line = strtok(page->text, "\n");
	for (int i = 0; i < DEPTH - 1; i++, line = strtok(NULL, "\n"))
		assert_int_equal(strspn(line, " "), 2 * i);
	assert_int_equal(strspn(line, " "), 2 * (DEPTH - 1));
	assert_string_equal(line + strspn(line, " "), "[]");
}

static void test_numbers_are_exact(void **state)
{
	struct page *page = *state;
	struct cwr_json *json = &page->json;

	cwr_json_open_array(json, NULL);
	cwr_json_integer(json, NULL, INT64_MIN);
	cwr_json_integer(json, NULL, INT64_MAX);
	cwr_json_integer(json, NULL, 0);
	cwr_json_known_integer(json, NULL, -1);
	cwr_json_known_integer(json, NULL, 7);
	cwr_json_hexadecimal(json, NULL, 0);
	cwr_json_hexadecimal(json, NULL, UINT64_MAX);
	cwr_json_close_array(json);
	assert_string_equal(finish(page), "[\n"
					  "  -9223372036854775808,\n"
					  "  9223372036854775807,\n"
					  "  0,\n"
					  "  null,\n"
					  "  7,\n"
					  "  \"0x0\",\n"
					  "  \"0xffffffffffffffff\"\n"
					  "]\n");
}

static void test_seconds_are_rounded_to_milliseconds(void **state)
{
	struct page *page = *state;
	struct cwr_json *json = &page->json;

	cwr_json_open_array(json, NULL);
	cwr_json_known_seconds(json, NULL, 0);
	cwr_json_known_seconds(json, NULL, 7860.1);
	cwr_json_known_seconds(json, NULL, 0.0625);
	cwr_json_known_seconds(json, NULL, 1.0004);
	cwr_json_known_seconds(json, NULL, 1.9996);
	cwr_json_known_seconds(json, NULL, -1);
	cwr_json_close_array(json);
	assert_string_equal(finish(page),
			    "[\n  0.0,\n  7860.1,\n  0.063,\n  1.0,\n  2.0,\n  null\n]\n");
}

static void test_instants_are_of_utc(void **state)
{
	struct page *page = *state;
	struct cwr_json *json = &page->json;

	cwr_json_open_array(json, NULL);
	cwr_json_instant(json, NULL, 1785000000123456789);
	cwr_json_instant(json, NULL, 1785000000000007000);
	cwr_json_instant(json, NULL, 1785000001000000000);
	cwr_json_instant(json, NULL, 0);
	cwr_json_instant(json, NULL, -5);
	cwr_json_close_array(json);
	assert_string_equal(finish(page), "[\n"
					  "  \"2026-07-25T17:20:00.123456Z\",\n"
					  "  \"2026-07-25T17:20:00.000007Z\",\n"
					  "  \"2026-07-25T17:20:01.000000Z\",\n"
					  "  null,\n"
					  "  null\n"
					  "]\n");
}

static void test_texts_are_escaped(void **state)
{
	struct page *page = *state;
	struct cwr_json *json = &page->json;

	cwr_json_open_array(json, NULL);
	cwr_json_text(json, NULL, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f");
	cwr_json_text(json, NULL, "");
	cwr_json_text(json, NULL, NULL);
	cwr_json_close_array(json);
	assert_string_equal(finish(page), "[\n"
					  "  \"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\",\n"
					  "  \"\",\n"
					  "  null\n"
					  "]\n");
}

/* Of each length; too long for their value; surrogates; beyond the last; cut short. */
static void test_what_is_no_utf8_has_question_marks(void **state)
{
	static const char *const cases[][2] = {
		{"\xc3\xa4", "\xc3\xa4"},
		{"\xe2\x82\xac", "\xe2\x82\xac"},
		{"\xf0\x9f\x90\x9a", "\xf0\x9f\x90\x9a"},
		{"x\xff\xc3\xa4y", "x???y"},
		{"\xc0\xaf", "??"},
		{"\xe0\x80\xaf", "???"},
		{"\xf0\x80\x80\xaf", "????"},
		{"\xed\xa0\x80", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xe2\x82", "??"},
		{"\x80", "?"},
	};
	const size_t n = sizeof(cases) / sizeof(cases[0]);
	struct page *page = *state;
	json_error_t error;
	json_t *array;

	cwr_json_open_array(&page->json, NULL);
	for (size_t i = 0; i < n; i++)
		cwr_json_text(&page->json, NULL, cases[i][0]);
	cwr_json_close_array(&page->json);
	array = json_loads(finish(page), 0, &error);
	assert_non_null(array);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(json_string_value(json_array_get(array, i)), cases[i][1]);
	json_decref(array);
}

/* Texts and numbers that the buffer's end cuts in two arrive whole. */
static void test_a_document_larger_than_the_buffer(void **state)
{
	enum { ENTRIES = CWR_JSON_BUFFER / 4 };
	struct page *page = *state;
	char text[64];
	json_error_t error;
	json_t *array;

	cwr_json_open_array(&page->json, NULL);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(text, sizeof(text), "%0*d", i % 50, i);
		cwr_json_text(&page->json, NULL, text);
	}
	cwr_json_close_array(&page->json);
	array = json_loads(finish(page), 0, &error);
	assert_int_equal(json_array_size(array), ENTRIES);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(text, sizeof(text), "%0*d", i % 50, i);
		assert_string_equal(json_string_value(json_array_get(array, (size_t)i)), text);
	}
	json_decref(array);
}

static void test_a_file_that_takes_nothing_is_noticed(void **state)
{
	struct page *page = *state;
	FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	cwr_json_start(&page->json, full);
	cwr_json_open_array(&page->json, NULL);
	cwr_json_close_array(&page->json);
	assert_false(cwr_json_finish(&page->json));
	fclose(full);
}

#define PAGE_TEST(name) cmocka_unit_test_setup_teardown(name, set_page, strike_page)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAGE_TEST(test_a_document_is_indented),
		PAGE_TEST(test_a_deep_document_is_indented_too),
		PAGE_TEST(test_numbers_are_exact),
		PAGE_TEST(test_seconds_are_rounded_to_milliseconds),
		PAGE_TEST(test_instants_are_of_utc),
		PAGE_TEST(test_texts_are_escaped),
		PAGE_TEST(test_what_is_no_utf8_has_question_marks),
		PAGE_TEST(test_a_document_larger_than_the_buffer),
		PAGE_TEST(test_a_file_that_takes_nothing_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
