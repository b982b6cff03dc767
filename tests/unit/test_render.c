/* SPDX-License-Identifier: MIT */
/*
 * Reports rendered from made models: what a page must tell, and that JSON is what its schema says.
 */
#include "diagnose/diagnose.h"
#include "diagnose/suppress.h"
#include "made_model.h"
#include "render/render.h"
#include "util/grid.h"
#include "util/text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define LEAKS 20

struct scene {
	struct cwr_model *model;
	struct cwr_process *server;
	struct cwr_render_options options;
	char *page;
};

/* The fork server that never closes in the parent, after twenty clients. */
static int set_scene(void **state)
{
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	scene.model = made_model();
	scene.server = made_process(scene.model, 4242, "/usr/bin/forkserver");
	for (int i = 0; i < LEAKS; i++)
		made_parent_leak(scene.model, scene.server, 7 + i, (uint32_t)i + 1);
	scene.model->tracked = LEAKS;
	*state = &scene;
	return 0;
}

static int strike_scene(void **state)
{
	struct scene *scene = *state;

	free(scene->page);
	cwr_model_free(scene->model);
	return 0;
}

static const char *render(struct scene *s, const char *format)
{
	FILE *out;
	size_t size;

	s->model->findings = NULL;
	for (struct cwr_suppression *r = s->model->suppressions; r; r = r->next)
		r->matches = 0;
	cwr_diagnose(s->model);
	cwr_diagnose_advise(s->model);
	free(s->page);
	out = open_memstream(&s->page, &size);
	assert_null(cwr_render(s->model, cwr_format_find(format), &s->options, out));
	fclose(out);
	return s->page;
}

#define assert_has(page, part)                                     \
	do {                                                       \
		if (!strstr(page, part))                           \
			fail_msg("no \"%s\" in:\n%s", part, page); \
	} while (0)

#define assert_lacks(page, part)                                \
	do {                                                    \
		if (strstr(page, part))                         \
			fail_msg("\"%s\" in:\n%s", part, page); \
	} while (0)

/* Column of the first `word` after `from`, counted from the beginning of its line. */
static long column_of(const char *from, const char *word)
{
	const char *at = strstr(from, word);
	const char *line = at;

	assert_non_null(at);
	while (line > from && line[-1] != '\n')
		line--;
	return at - line;
}

static void assert_narrow(const char *page, size_t columns)
{
	while (*page) {
		size_t length = strcspn(page, "\n");

		if (length > columns)
			fail_msg("longer than %zu: %.*s", columns, (int)length, page);
		if (length && page[length - 1] == ' ')
			fail_msg("blank at the end of: %.*s", (int)length, page);
		page += length + (page[length] == '\n');
	}
}

static void test_text_tells_the_story(void **state)
{
	const char *page = render(*state, "text");

	assert_has(page, "cwshim: 20 sockets leaked, 1 cause -- forkserver (pid 4242, up 12 s)\n");
	assert_has(page, "#1  parent kept its copy after fork");
	assert_has(page, "20 sockets, oldest 10 s, all 20 ever accepted here\n");
	assert_has(page, "pid 4242 -> 4243, 4244, ... (20 children)\n");
	assert_has(page, "fd 7 ... 26");
	assert_has(page, "fix: close the accepted socket in the parent after fork() at "
			 "forkserver.c:92.\n");
	assert_has(page, "... 17 more (--all)\n");
	assert_has(page, "CLOSE_WAIT");
	assert_lacks(page, "\033");
	assert_narrow(page, 100);
}

static void test_text_is_aligned(void **state)
{
	const char *page = render(*state, "text");
	long column = column_of(page, "forkserver.c:88");

	assert_int_equal(column_of(page, "forkserver.c:131"), column);
	assert_int_equal(column_of(page, "forkserver.c:51"), column);
	assert_int_equal(column_of(page, "forkserver.c:57"), column);
	assert_int_equal(column_of(page, "recv "), column_of(page, "main "));
	assert_int_equal(column_of(page, "fd 7 ... 26"), column_of(page, "main "));
}

static void test_text_all(void **state)
{
	struct scene *s = *state;
	const char *page;

	s->options.all = true;
	page = render(s, "text");
	assert_lacks(page, "(--all)");
	assert_has(page, "127.0.0.1:50007");
	assert_has(page, "127.0.0.1:50026");
	assert_has(page, "parent-kept-copy: high confidence");
}

static void test_text_narrow_and_colored(void **state)
{
	struct scene *s = *state;

	s->options.columns = 90;
	assert_narrow(render(s, "text"), 90);
	s->options.color = true;
	assert_has(render(s, "text"), "\033[32mfix: \033[0m");
}

static void test_text_of_nothing(void **state)
{
	struct scene *s = *state;
	const char *page;

	s->model->sockets = NULL;
	page = render(s, "text");
	assert_string_equal(page, "cwshim: no leaked sockets -- forkserver (pid 4242, up 12 s)\n");
}

static void test_text_unconfirmed(void **state)
{
	struct scene *s = *state;
	const char *page;

	s->server->is_alive = false;
	s->server->end = CWR_END_SIGNALED;
	s->server->end_status = 9;
	for (struct cwr_socket *socket = s->model->sockets; socket; socket = socket->next)
		socket->holders->is_confirmed = false;
	page = render(s, "text");
	assert_has(page, "(pid 4242, ended by signal 9)");
	assert_has(page, "not confirmed: the process is gone");
	assert_has(page, "left open");
	assert_lacks(page, "still open");
}

static void test_text_end_of_page(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *busy = made_accepted(s->model, s->server, 40);
	struct cwr_suppression rule = {.rule = "peer:127.0.0.1/32:50007"};
	const char *page;

	busy->holders->fork_seq = LEAKS;
	busy->send_q_before = 10;
	s->model->suppressions = &rule;
	cwr_model_add_limit(s->model, s->server, "its descriptors could not be read");
	s->server->emfile = 3;
	s->server->nfds = 30; /* it has recovered */
	s->server->fd_limit = 1000;
	page = render(s, "text");
	assert_has(page, "cwshim: 19 sockets leaked, 1 cause");
	assert_has(page, "no leak: 1 socket half-open and in use (--all)\n");
	assert_has(page, "suppressed: 1 socket\n");
	assert_has(page, "     1  peer:127.0.0.1/32:50007\n");
	assert_has(page, "note: pid 4242: its descriptors could not be read\n");
	assert_has(page, "note: pid 4242: ran out of descriptors 3 times (EMFILE)\n");
	s->options.show_suppressed = true;
	assert_has(render(s, "text"), "suppressed by peer:127.0.0.1/32:50007\n");
}

/* Frames without line, without name, and no stack at all. */
static void test_text_without_debug_information(void **state)
{
	struct scene *s = *state;
	const char *page;

	for (struct cwr_socket *socket = s->model->sockets; socket; socket = socket->next) {
		struct cwr_frame *frames = socket->created.stack->frames;

		frames[0].file = frames[1].file = NULL;
		frames[0].line = frames[1].line = 0;
		frames[1].function = NULL;
		socket->holders->next->eof.stack = NULL;
	}
	page = render(s, "text");
	assert_has(page, "accept4      forkserver+0x580");
	assert_has(page, "??           forkserver+0x830");
	assert_has(page, "recv()       no stack");
}

static json_t *render_json(struct scene *s)
{
	json_error_t error;
	json_t *report = json_loads(render(s, "json"), JSON_REJECT_DUPLICATES, &error);

	if (!report)
		fail_msg("line %d: %s", error.line, error.text);
	return report;
}

static json_t *at(json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	if (!value)
		fail_msg("no member %s", key);
	return value;
}

static void test_json(void **state)
{
	json_t *report = render_json(*state);
	json_t *finding = json_array_get(at(report, "findings"), 0);
	json_t *socket = json_array_get(at(finding, "sockets"), 0);
	json_t *frame = json_array_get(at(at(finding, "stacks"), "forked"), 0);

	assert_string_equal(json_string_value(at(report, "schema")), "cwshim-report/1");
	assert_string_equal(json_string_value(at(report, "generated_at")),
			    "2023-11-14T22:13:20.000000Z");
	assert_string_equal(json_string_value(at(finding, "cause")), "parent-kept-copy");
	assert_int_equal(json_integer_value(at(finding, "count")), LEAKS);
	assert_int_equal(json_integer_value(at(at(report, "summary"), "leak")), LEAKS);
	assert_true(json_is_true(at(finding, "confirmed")));
	assert_string_equal(json_string_value(at(frame, "file")), "/src/forkserver.c");
	assert_int_equal(json_integer_value(at(frame, "line")), 92);
	assert_true(json_is_true(at(socket, "eof_consumed")));
	assert_int_equal(json_array_size(at(socket, "holders")), 1);
	assert_int_equal(json_array_size(at(socket, "events")), 3);
	assert_null(json_object_get(at(finding, "stacks"), "shutdown"));
	json_decref(report);
}

/* A cookie above 2^53, which a reader that takes numbers for doubles would round. */
static void test_json_is_exact(void **state)
{
	struct scene *s = *state;
	json_t *report, *socket;

	s->model->sockets->next = NULL;
	s->model->sockets->cookie = 0xfedcba9876543211u;
	s->model->sockets->peer = made_addr("::1", 8080);
	report = render_json(s);
	socket = json_array_get(at(json_array_get(at(report, "findings"), 0), "sockets"), 0);
	assert_string_equal(json_string_value(at(socket, "cookie")), "0xfedcba9876543211");
	assert_string_equal(json_string_value(at(socket, "peer")), "[::1]:8080");
	json_decref(report);
}

static void test_json_of_unknown_facts(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *socket = s->model->sockets;
	json_t *report, *json;

	socket->next = NULL;
	socket->recv_q = -1;
	socket->fin_age_s = -1;
	socket->state = CWR_TCP_UNKNOWN;
	socket->is_confirmed = false;
	socket->site.known = false;
	s->server->exe = "/tmp/\xff\xfe server";
	report = render_json(s);
	json = json_array_get(at(report, "findings"), 0);
	assert_true(json_is_null(at(at(json, "site_stats"), "created")));
	json = json_array_get(at(json, "sockets"), 0);
	assert_true(json_is_null(at(json, "eof_consumed")));
	assert_true(json_is_null(at(json, "tcp_state")));
	json = json_array_get(at(report, "processes"), 0);
	assert_string_equal(json_string_value(at(json, "exe")), "/tmp/?? server");
	json_decref(report);
}

/* tests/e2e/validate_report.py, found from this file, knows the schema. */
static void assert_valid(struct scene *s)
{
	const char *slash = strrchr(__FILE__, '/');
	char command[1024];
	FILE *judge;

	assert_non_null(slash);
	snprintf(command, sizeof(command), "/usr/bin/python3 '%.*s/../e2e/validate_report.py'",
		 (int)(slash - __FILE__), __FILE__);
	judge = popen(command, "w");
	assert_non_null(judge);
	fputs(render(s, "json"), judge);
	assert_int_equal(pclose(judge), 0);
}

static void test_json_is_valid(void **state)
{
	struct scene *s = *state;

	assert_valid(s);
	made_accepted(s->model, s->server, 50)->created.t = 0;
	s->server->is_alive = false;
	assert_valid(s);
	s->model->sockets = NULL;
	assert_valid(s);
}

static void test_ages(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} ages[] = {
		{0, "0 s"},
		{12.9, "12 s"},
		{119, "119 s"},
		{250, "4 min"},
		{7860, "2 h 11 min"},
		{7200, "2 h"},
		{3 * 86400 + 5000, "3 d"},
		{-1, "-"},
	};
	char text[32];

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		assert_string_equal(cwr_text_age(ages[i].seconds, text, sizeof(text)),
				    ages[i].text);
}

static void test_formats(void **state)
{
	assert_non_null(cwr_format_find("text"));
	assert_non_null(cwr_format_find("json"));
	assert_null(cwr_format_find("xml"));
}

static void test_full_disk_is_an_error(void **state)
{
	struct scene *s = *state;
	FILE *full = fopen("/dev/full", "w");
	struct cwr_error *error;

	cwr_diagnose(s->model);
	cwr_diagnose_advise(s->model);
	error = cwr_render(s->model, cwr_format_find("text"), &s->options, full);
	assert_non_null(error);
	assert_int_equal(error->status, CWR_EXIT_INPUT);
	cwr_error_free(error);
	fclose(full);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_scene, strike_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_text_tells_the_story),
		SCENE_TEST(test_text_is_aligned),
		SCENE_TEST(test_text_all),
		SCENE_TEST(test_text_narrow_and_colored),
		SCENE_TEST(test_text_of_nothing),
		SCENE_TEST(test_text_unconfirmed),
		SCENE_TEST(test_text_end_of_page),
		SCENE_TEST(test_text_without_debug_information),
		SCENE_TEST(test_json),
		SCENE_TEST(test_json_is_exact),
		SCENE_TEST(test_json_of_unknown_facts),
		SCENE_TEST(test_json_is_valid),
		SCENE_TEST(test_full_disk_is_an_error),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
