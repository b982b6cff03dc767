/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands are made of: options, kept testimony, the talk at exit, the directory of a
 * run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/clean.h"
#include "cmd/commands.h"
#include "cmd/keep.h"
#include "cmd/options.h"
#include "cmd/rundir.h"
#include "cmd/talk.h"
#include "kernel/proc.h"
#include "session_fixture.h"

/* Parses the words after the command's name; returns the error. */
static struct cwr_error *parse(const struct cwr_command *command, struct cwr_options *ret_options,
			       char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return cwr_options_parse(command, argc, argv, ret_options);
}

#define PARSE(command, options, ...) \
	parse(command, options, (char *[]){"cwshim", __VA_ARGS__, NULL})

static void test_options_have_their_defaults(void **state)
{
	struct cwr_options options;

	assert_null(PARSE(&cwr_command_report, &options, "--all"));
	assert_float_equal(options.min_age_s, 1, 0);
	assert_int_equal(options.fail_on, 1u << CWR_LEAK | 1u << CWR_STALL);
	assert_int_equal(options.error_exitcode, -1);
	assert_true(options.all);
	assert_null(options.output);
	assert_int_equal(options.nargs, 0);
}

static void test_options_are_read(void **state)
{
	struct cwr_options options;

	assert_null(PARSE(&cwr_command_report, &options, "--format=json", "-o", "out", "--min-age",
			  "500ms", "--fail-on=idle,leak", "--error-exitcode=7", "--color=never",
			  "--cause=parent-kept-copy", "4242"));
	assert_string_equal(options.format, "json");
	assert_string_equal(options.output, "out");
	assert_float_equal(options.min_age_s, 0.5, 1e-9);
	assert_int_equal(options.fail_on, 1u << CWR_LEAK | 1u << CWR_IDLE);
	assert_int_equal(options.error_exitcode, 7);
	assert_int_equal(options.color, CWR_COLOR_NEVER);
	assert_string_equal(options.cause, "parent-kept-copy");
	assert_int_equal(options.nargs, 1);
	assert_string_equal(options.args[0], "4242");
	assert_null(PARSE(&cwr_command_report, &options, "--fail-on=none"));
	assert_int_equal(options.fail_on, 0);
}

static void test_the_command_to_run_keeps_its_options(void **state)
{
	struct cwr_options options;

	assert_null(PARSE(&cwr_command_run, &options, "--all", "make", "--format=x"));
	assert_int_equal(options.nargs, 2);
	assert_string_equal(options.args[1], "--format=x");
	assert_null(PARSE(&cwr_command_run, &options, "--", "--odd"));
	assert_string_equal(options.args[0], "--odd");
}

static void test_bad_options_are_one_clear_line(void **state)
{
	static const struct {
		char *word;
		const char *message;
	} cases[] = {
		{"--nonsense", "unknown option '--nonsense'"},
		{"-x", "unknown option '-x'"},
		{"-xy", "unknown option '-xy'"},
		{"-o", "no value given for '-o'"},
		{"--s", "ambiguous option '--s'"},
		{"--all=yes", "no value is taken by '--all=yes'"},
		{"--output", "no value given for '--output'"},
		{"--format=smoke", "bad value 'smoke' for --format"},
		{"--min-age=soon", "bad value 'soon' for --min-age"},
		{"--fail-on=leak,", "bad value 'leak,' for --fail-on"},
		{"--error-exitcode=256", "bad value '256' for --error-exitcode"},
		{"--error-exitcode=-1", "bad value '-1' for --error-exitcode"},
		{"--cause=bad-luck", "bad value 'bad-luck' for --cause"},
		{"--color=red", "bad value 'red' for --color"},
		{"--wait-all", "unknown option '--wait-all'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cwr_options options;
		struct cwr_error *error = PARSE(&cwr_command_report, &options, cases[i].word);

		assert_non_null(error);
		assert_int_equal(error->status, CWR_EXIT_USAGE);
		assert_non_null(strstr(error->message, cases[i].message));
		assert_null(strchr(error->message, '\n'));
		cwr_error_free(error);
	}
}

static void test_a_program_keeps_its_report_for_a_bad_format(void **state)
{
	struct cwr_options options;

	assert_null(PARSE(&cwr_command_report, &options, "--from-shim", "--reason=exit",
			  "--format=smoke", "x.cws"));
	assert_null(options.format);
	assert_string_equal(options.reason, "exit");
}

static void test_testimony_is_kept_for_the_same_holding_only(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_model *later = cwr_model_new();
	struct cwr_keep keep = {0};
	struct made_session *made = made_session_new(100);
	struct cwr_socket *socket;

	made_slot(made, 7, 1);
	made_slot(made, 8, 2);
	made_session_write(made, f->path[1]);
	session_fixture_load(f, 0, made);
	socket = cwr_model_find_socket(f->model, 1);
	f->model->now = 9000;
	socket->state = CWR_TCP_CLOSE_WAIT;
	socket->recv_q = 1;
	socket->holders->is_confirmed = true;
	cwr_keep_add(&keep, f->model, f->path[0]);
	assert_int_equal(keep.n, 1);
	assert_null(cwr_session_load(later, f->path[1]));
	cwr_keep_apply(&keep, later);
	assert_int_equal(cwr_model_find_socket(later, 1)->holders->probe.t, 9000);
	assert_int_equal(cwr_model_find_socket(later, 1)->holders->probe.recv_q, 1);
	assert_true(cwr_model_find_socket(later, 1)->holders->probe.is_confirmed);
	assert_int_equal(cwr_model_find_socket(later, 2)->holders->probe.t, 0);
	later->processes->t_session++;
	cwr_model_find_socket(later, 1)->holders->probe.t = 0;
	cwr_keep_apply(&keep, later);
	assert_int_equal(cwr_model_find_socket(later, 1)->holders->probe.t, 0);
	cwr_keep_free(&keep);
	cwr_model_free(later);
}

/* A session of this very process, which asks for its report. */
static void write_asking(struct session_fixture *f)
{
	struct made_session *made = made_session_new(getpid());
	struct cwr_proc_stat stat;

	assert_true(cwr_proc_stat(getpid(), &stat));
	made->header.start_ticks = stat.start_ticks;
	made->header.phase = CW_PHASE_ASKED;
	made_session_write(made, f->path[0]);
	made_session_free(made);
}

/* The other side: waits until it is captured, then says that it has finished. */
static void *be_the_process(void *path)
{
	struct cwr_talk talk;
	struct cwr_error *error = cwr_talk_open(&talk, path);

	if (error)
		return error;
	while (__atomic_load_n(&talk.header->phase, __ATOMIC_ACQUIRE) != CW_PHASE_CAPTURED)
		sched_yield();
	__atomic_store_n(&talk.header->phase, CW_PHASE_FINISH, __ATOMIC_RELEASE);
	cwr_talk_close(&talk);
	return NULL;
}

static void test_the_talk_goes_through_its_phases(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_talk talk;
	pthread_t process;
	void *result;

	write_asking(f);
	assert_null(cwr_talk_open(&talk, f->path[0]));
	assert_int_equal(pthread_create(&process, NULL, be_the_process, f->path[0]), 0);
	cwr_talk_captured(&talk, 3);
	cwr_talk_wait_for_finish(&talk);
	assert_int_equal(talk.header->phase, CW_PHASE_FINISH);
	assert_int_equal(talk.header->failing, 3);
	cwr_talk_done(&talk);
	assert_int_equal(talk.header->phase, CW_PHASE_DONE);
	cwr_talk_close(&talk);
	assert_int_equal(pthread_join(process, &result), 0);
	assert_null(result);
}

static void test_nobody_waits_for_a_process_that_is_gone(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_talk talk;

	write_asking(f);
	assert_null(cwr_talk_open(&talk, f->path[0]));
	talk.header->start_ticks++;
	cwr_talk_captured(&talk, 0);
	cwr_talk_wait_for_finish(&talk); /* returns, or the test's time is over */
	assert_int_equal(talk.header->phase, CW_PHASE_CAPTURED);
	cwr_talk_close(&talk);
}

static void test_a_process_that_went_on_is_not_called_back(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_talk talk;

	write_asking(f);
	assert_null(cwr_talk_open(&talk, f->path[0]));
	talk.header->phase = CW_PHASE_FINISH;
	cwr_talk_captured(&talk, 0);
	assert_int_equal(talk.header->phase, CW_PHASE_FINISH);
	cwr_talk_close(&talk);
}

static void test_the_notes_in_a_fifo_are_sessions_names(void **state)
{
	static const char text[] = "1-a.cws\n../2.cws\nrefused 77\nrefused x\n.cws\n3-b.cws\n";
	struct session_fixture *f = *state;
	struct cwr_rundir dir;
	pid_t refused;
	char *path;

	assert_null(cwr_rundir_open(&dir, f->dir));
	assert_null(cwr_rundir_next(&dir, &refused));
	assert_int_equal(write(dir.fifo, text, sizeof(text) - 1), sizeof(text) - 1);
	path = cwr_rundir_next(&dir, &refused);
	assert_string_equal(path + strlen(dir.path), "/1-a.cws");
	free(path);
	assert_null(cwr_rundir_next(&dir, &refused));
	assert_int_equal(refused, 77);
	path = cwr_rundir_next(&dir, &refused);
	assert_int_equal(refused, 0);
	assert_string_equal(path + strlen(dir.path), "/3-b.cws");
	free(path);
	assert_null(cwr_rundir_next(&dir, &refused));
	path = strdup(dir.path);
	cwr_rundir_close(&dir);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void tell_by_datagram(const struct cwr_rundir *dir, const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s%s",
			 CW_NOTIFY_SOCKET, strrchr(dir->path, '/') + 1);

	assert_true(fd >= 0);
	assert_int_equal(
		sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
		strlen(text));
	close(fd);
}

/* Anybody may send one: only the number of a process is taken from it. */
static void test_who_cannot_reach_the_fifo_sends_datagrams(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_rundir dir;
	pid_t refused;

	assert_null(cwr_rundir_open(&dir, f->dir));
	tell_by_datagram(&dir, "1-a.cws\n");
	tell_by_datagram(&dir, "refused -5\n");
	assert_null(cwr_rundir_next(&dir, &refused));
	assert_int_equal(refused, 0);
	assert_false(dir.has_memories);
	tell_by_datagram(&dir, "");
	tell_by_datagram(&dir, "refused 77\n");
	assert_null(cwr_rundir_next(&dir, &refused));
	assert_int_equal(refused, 77);
	assert_true(dir.has_memories);
	cwr_rundir_close(&dir);
}

static void test_clean_removes_ended_sessions_only(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *ended = made_session_new(getpid());

	write_asking(f); /* lives */
	ended->header.start_ticks = 1;
	made_session_write(ended, f->path[1]);
	made_session_free(ended);
	made_file_write(f->path[2], "something else", 14);
	assert_int_equal(cwr_clean_sessions(f->dir), 1);
	assert_int_equal(access(f->path[0], F_OK), 0);
	assert_int_equal(access(f->path[1], F_OK), -1);
	assert_int_equal(access(f->path[2], F_OK), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, session_fixture_setup, session_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_options_have_their_defaults),
		CASE(test_options_are_read),
		CASE(test_the_command_to_run_keeps_its_options),
		CASE(test_bad_options_are_one_clear_line),
		CASE(test_a_program_keeps_its_report_for_a_bad_format),
		CASE(test_testimony_is_kept_for_the_same_holding_only),
		CASE(test_the_talk_goes_through_its_phases),
		CASE(test_nobody_waits_for_a_process_that_is_gone),
		CASE(test_a_process_that_went_on_is_not_called_back),
		CASE(test_the_notes_in_a_fifo_are_sessions_names),
		CASE(test_who_cannot_reach_the_fifo_sends_datagrams),
		CASE(test_clean_removes_ended_sessions_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
