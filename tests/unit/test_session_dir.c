/* SPDX-License-Identifier: MIT */
/*
 * The directory of sessions: choosing, trusting and listing it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/dir.h"
#include "session_fixture.h"

static void assert_chosen(const char *option, const char *expected)
{
	char *dir = cwr_session_dir_choose(option);

	assert_string_equal(dir, expected);
	free(dir);
}

static void test_the_directory_is_chosen_as_the_shim_does(void **state)
{
	char by_user[64];

	snprintf(by_user, sizeof(by_user), "/tmp/cwshim-%u", geteuid());
	unsetenv("CWSHIM_OPTIONS");
	unsetenv("XDG_RUNTIME_DIR");
	assert_chosen(NULL, by_user);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	assert_chosen(NULL, by_user);
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	assert_chosen(NULL, "/run/user/1/cwshim");
	setenv("CWSHIM_OPTIONS", "depth=3:session_dir=/a:session_dir=/b:verbose=1", 1);
	assert_chosen(NULL, "/b");
	setenv("CWSHIM_OPTIONS", "other_session_dir=/a:verbose=1", 1);
	assert_chosen(NULL, "/run/user/1/cwshim");
	assert_chosen("/c", "/c");
}

static void assert_distrusted(const char *dir, const char *why)
{
	struct cwr_error *error = cwr_session_dir_check(dir);

	assert_non_null(error);
	assert_int_equal(error->status, CWR_EXIT_INPUT);
	assert_non_null(strstr(error->message, why));
	cwr_error_free(error);
}

static void test_only_a_safe_directory_is_trusted(void **state)
{
	struct session_fixture *f = *state;

	assert_null(cwr_session_dir_check(f->dir));
	assert_null(cwr_session_dir_check(f->path[0])); /* not there */
	assert_int_equal(chmod(f->dir, 0777), 0);
	assert_distrusted(f->dir, "writable by others");
	assert_int_equal(chmod(f->dir, 0700), 0);
	assert_int_equal(symlink("/nowhere", f->path[0]), 0);
	assert_distrusted(f->path[0], "symbolic link");
	made_file_write(f->path[1], "", 0);
	assert_distrusted(f->path[1], "not a directory");
}

/* Like /tmp itself, which on every system is root's and sticky. */
static void test_a_shared_directory_is_trusted(void **state)
{
	struct stat st;

	assert_int_equal(lstat("/tmp", &st), 0);
	assert_true(st.st_uid == 0 && st.st_mode & S_ISVTX);
	assert_null(cwr_session_dir_check("/tmp"));
}

static void write_session(const char *path, pid_t pid, uint64_t t_start, uint32_t ready)
{
	struct made_session *made = made_session_new(pid);

	made->header.t_start = t_start;
	made->header.ready = ready;
	made_session_write(made, path);
	made_session_free(made);
}

static void test_sessions_are_listed_in_order_of_start(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_session_list list;

	write_session(f->path[0], 102, 3000, 1);
	write_session(f->path[1], 101, 2000, 1);
	write_session(f->path[2], 103, 1000, 0); /* is only being made */
	assert_null(cwr_session_dir_list(f->dir, &list));
	assert_int_equal(list.n, 2);
	assert_int_equal(list.entries[0].header.pid, 101);
	assert_int_equal(list.entries[1].header.pid, 102);
	assert_string_equal(list.entries[1].path, f->path[0]);
	cwr_session_list_free(&list);
}

static void test_what_cannot_be_read_is_listed_with_its_error(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_session_list list;

	made_file_write(f->path[0], "garbage", 7);
	assert_null(cwr_session_dir_list(f->dir, &list));
	assert_int_equal(list.n, 1);
	assert_non_null(strstr(list.entries[0].error->message, "not a cwshim session"));
	cwr_session_list_free(&list);
}

static void test_sessions_of_a_run_are_listed_too(void **state)
{
	struct session_fixture *f = *state;
	struct cwr_session_list list;
	char run[96], path[160];

	snprintf(run, sizeof(run), "%s/run-abcdef", f->dir);
	snprintf(path, sizeof(path), "%s/1.cws", run);
	assert_int_equal(mkdir(run, 0700), 0);
	write_session(path, 101, 2000, 1);
	assert_null(cwr_session_dir_list(f->dir, &list));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.entries[0].path, path);
	cwr_session_list_free(&list);
	unlink(path);
	rmdir(run);
}

static void add_header(struct cwr_session_list *list, pid_t pid, uint64_t t_start, pid_t parent,
		       uint64_t parent_t_start)
{
	struct cw_session_header *header = &list->entries[list->n++].header;

	*header = (struct cw_session_header){.pid = pid, .t_start = t_start};
	header->start_ticks = (uint64_t)pid * 10;
	header->from_fork = parent != 0;
	header->parent_pid = parent;
	header->parent_t_start = parent_t_start;
}

static void test_relatives_are_those_tied_by_fork_and_exec(void **state)
{
	struct cwr_session_entry entries[6] = {0};
	struct cwr_session_list list = {.entries = entries};
	bool is_relative[6] = {false};

	add_header(&list, 100, 1000, 0, 0);
	add_header(&list, 101, 2000, 100, 1000); /* child */
	add_header(&list, 102, 3000, 101, 2000); /* its child */
	add_header(&list, 102, 4000, 0, 0);	 /* the same process after an exec */
	add_header(&list, 103, 5000, 100, 999);	 /* child of another process of that number */
	add_header(&list, 104, 6000, 0, 0);
	cwr_session_find_relatives(&list, 3, is_relative);
	assert_true(is_relative[0] && is_relative[1] && is_relative[2] && is_relative[3]);
	assert_false(is_relative[4] || is_relative[5]);
}

static void test_a_program_is_tied_by_its_parents_number(void **state)
{
	struct cwr_session_entry entries[4] = {0};
	struct cwr_session_list list = {.entries = entries};
	bool is_relative[4] = {false};

	add_header(&list, 100, 1000, 0, 0);
	add_header(&list, 101, 2000, 0, 0); /* executed by a child of it */
	add_header(&list, 102, 500, 0, 0);  /* older: another process had the number then */
	add_header(&list, 103, 4000, 0, 0); /* younger than its end */
	for (int i = 1; i < 4; i++)
		entries[i].header.ppid = 100;
	entries[0].header.t_end = 3000;
	cwr_session_find_relatives(&list, 1, is_relative);
	assert_true(is_relative[0] && is_relative[1]);
	assert_false(is_relative[2] || is_relative[3]);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, session_fixture_setup, session_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_directory_is_chosen_as_the_shim_does),
		CASE(test_only_a_safe_directory_is_trusted),
		CASE(test_a_shared_directory_is_trusted),
		CASE(test_sessions_are_listed_in_order_of_start),
		CASE(test_what_cannot_be_read_is_listed_with_its_error),
		CASE(test_sessions_of_a_run_are_listed_too),
		CASE(test_relatives_are_those_tied_by_fork_and_exec),
		CASE(test_a_program_is_tied_by_its_parents_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
