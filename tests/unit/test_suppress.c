/* SPDX-License-Identifier: MIT */
/*
 * Suppressions: how rules are read, what they match, and what is left of the findings.
 */
#include "diagnose/suppress.h"
#include "made_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Loads a file of that text; returns the error. */
static struct cwr_error *load(struct scene *s, const char *text)
{
	char path[] = "/tmp/cwshim-suppress-XXXXXX";
	struct cwr_error *error;
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	error = cwr_suppress_load(s->model, path);
	unlink(path);
	return error;
}

static void assert_suppressed(struct scene *s, const char *rule, bool is_expected)
{
	struct cwr_finding *f;

	s->model->suppressions = NULL;
	assert_null(load(s, rule));
	f = diagnose(s);
	assert_non_null(f);
	if (is_expected != !!f->suppressed)
		fail_msg("%s: %s", rule, is_expected ? "does not match" : "matches");
	assert_int_equal(s->model->suppressed, is_expected);
	assert_int_equal(s->model->summary[CWR_LEAK], !is_expected);
	assert_int_equal(s->model->suppressions->matches, is_expected);
}

static void test_rules(void **state)
{
	static const struct {
		const char *rule;
		bool matches;
	} rules[] = {
		{"leak:accept4", true},
		{"leak:main", true},
		{"leak:^ma*n$", true},
		{"leak:ccep", true},
		{"leak:^ccep", false},
		{"leak:forkserver.c", true},
		{"leak:/usr/bin/fork", true},
		{"leak:other", false},
		{"cause:unread-not-closed", true},
		{"cause:unread", false},
		{"exe:forkserver", true},
		{"exe:/usr/*/fork*", true},
		{"exe:fork", false},
		{"peer:127.0.0.0/8", true},
		{"peer:127.0.0.1:50007", true},
		{"peer:127.0.0.1:50008", false},
		{"peer:128.0.0.0/8", false},
		{"peer:[::1]/128", false},
		{"local:0.0.0.0/0:8080", true},
		{"local:127.0.0.1/32:8081", false},
		{"  peer:127.0.0.1  ", true},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_suppressed(*state, rules[i].rule, rules[i].matches);
}

static void test_not_a_rule(void **state)
{
	static const char *const lines[] = {
		"leak",
		"leak:",
		"what:ever",
		"peer:localhost",
		"peer:127.0.0.1/33",
		"peer:127.0.0.1:0",
		"peer:[::1",
		"local:127.0.0.1:80x",
	};
	char text[128];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct cwr_error *error;

		snprintf(text, sizeof(text), "# known\n\n%s\n", lines[i]);
		error = load(*state, text);
		if (!error)
			fail_msg("taken for a rule: %s", lines[i]);
		assert_int_equal(error->status, CWR_EXIT_INPUT);
		assert_non_null(strstr(error->message, ":3: "));
		cwr_error_free(error);
	}
}

static void test_missing_file(void **state)
{
	struct scene *s = *state;
	struct cwr_error *error = cwr_suppress_load(s->model, "/nonexistent/rules");

	assert_non_null(error);
	assert_non_null(strstr(error->message, "/nonexistent/rules"));
	cwr_error_free(error);
}

static void test_ipv6(void **state)
{
	struct cwr_addr addr = made_addr("fe80::1234", 80);

	assert_true(cwr_suppress_in_range("[fe80::]/10:80", &addr));
	assert_true(cwr_suppress_in_range("fe80::/10", &addr));
	assert_true(cwr_suppress_in_range("fe80::1234", &addr));
	assert_false(cwr_suppress_in_range("[fe80::]/10:81", &addr));
	assert_false(cwr_suppress_in_range("[fe80::]/121", &addr));
	assert_false(cwr_suppress_in_range("0.0.0.0/0", &addr));
}

/* Of three sockets of one finding two are known and accepted. */
static void test_part_of_a_finding(void **state)
{
	struct scene *s = *state;
	struct cwr_finding *f;

	made_accepted(s->model, s->server, 8);
	made_accepted(s->model, s->server, 9);
	assert_null(load(s, "peer:127.0.0.1:50007\npeer:127.0.0.1:50009\n"));
	f = diagnose(s);
	assert_null(f->suppressed);
	assert_int_equal(f->nsockets, 1);
	assert_int_equal(f->blamed[0]->fd, 8);
	assert_int_equal(s->model->suppressed, 2);
	assert_int_equal(s->model->summary[CWR_LEAK], 1);
	for (f = f->next; f; f = f->next)
		assert_non_null(f->suppressed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_rules),
		SCENE_TEST(test_not_a_rule),
		SCENE_TEST(test_missing_file),
		SCENE_TEST(test_ipv6),
		SCENE_TEST(test_part_of_a_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
