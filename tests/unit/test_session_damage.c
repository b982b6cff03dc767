/* SPDX-License-Identifier: MIT */
/*
 * Sessions that are damaged, cut short, or none at all.
 */
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session_fixture.h"

static void test_losses_are_admitted(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made->header.off = CW_OFF_SPACE;
	made->header.off_errno = 28; /* ENOSPC */
	made->header.lost_stacks = 12;
	session_fixture_load(f, 0, made);
	assert_true(session_fixture_has_limit(f->model->processes, "No space left"));
	assert_true(session_fixture_has_limit(f->model->processes, "12 stacks"));
}

static void test_a_missing_file_is_an_error(void **state)
{
	session_fixture_refused(*state, "No such file");
}

static void test_garbage_is_no_session(void **state)
{
	struct session_fixture *f = *state;

	made_file_write(f->path[0], "", 0);
	session_fixture_refused(f, "not a cwshim session");
	made_file_write(f->path[0], "hello, world\n", 13);
	session_fixture_refused(f, "not a cwshim session");
	assert_int_equal(unlink(f->path[0]), 0);
	assert_int_equal(mkdir(f->path[0], 0700), 0);
	session_fixture_refused(f, "not a cwshim session");
	rmdir(f->path[0]);
}

static void test_every_cut_is_noticed(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);

	for (size_t size = 8; size < sizeof(*made); size += size < 256 ? 1 : 997) {
		made_file_write(f->path[0], made, size);
		session_fixture_refused(f, "truncated session");
	}
	made_session_free(made);
}

static void refuse_header(struct session_fixture *f, struct made_session *made, const char *message)
{
	made_session_write(made, f->path[0]);
	made_session_free(made);
	session_fixture_refused(f, message);
}

static void test_headers_that_cannot_be_read(void **state)
{
	struct made_session *made = made_session_new(100);
	char message[80];

	snprintf(message, sizeof(message), "session format %u, but this cwshim reads format %u",
		 CW_SESSION_VERSION + 1, CW_SESSION_VERSION);
	made->header.version = CW_SESSION_VERSION + 1;
	refuse_header(*state, made, message);
	made = made_session_new(100);
	made->header.header_size -= 8;
	refuse_header(*state, made, "damaged session");
	made = made_session_new(100);
	made->header.sections = 3;
	refuse_header(*state, made, "damaged session");
	made = made_session_new(-1);
	refuse_header(*state, made, "damaged session");
	made = made_session_new(100);
	made->header.ready = 0;
	refuse_header(*state, made, "unfinished session");
	made = made_session_new(100);
	made->header.section[CW_SECTION_SLOTS].size = UINT64_MAX;
	refuse_header(*state, made, "truncated session: slots");
}

static void test_one_bad_section_leaves_the_rest(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", 0);
	made->header.section[CW_SECTION_MODULES].entry_size = 3;
	made->header.section[CW_SECTION_FORKS].offset += 4;
	made->header.section[CW_SECTION_STACKS].used = UINT32_MAX;
	session_fixture_load(f, 0, made);
	assert_true(session_fixture_has_limit(f->model->processes, "its modules cannot be read"));
	assert_true(session_fixture_has_limit(f->model->processes, "its forks cannot be read"));
	assert_true(session_fixture_has_limit(f->model->processes, "its stacks cannot be read"));
	assert_int_equal(f->model->processes->nlimits, 3);
	assert_int_equal(f->model->sockets->created.t, MADE_T(5000));
}

static void test_a_slot_left_half_written_is_said(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);

	made_slot(made, 7, 1)->seq = 3;
	made_slot(made, 8, 2);
	session_fixture_load(f, 0, made);
	assert_null(cwr_model_find_socket(f->model, 1));
	assert_non_null(cwr_model_find_socket(f->model, 2));
	assert_true(session_fixture_has_limit(f->model->processes, "1 sockets are left out"));
}

static void test_wild_stack_numbers_lead_nowhere(void **state)
{
	struct session_fixture *f = *state;
	struct made_session *made = made_session_new(100);
	uint32_t last = (MADE_STACK_BYTES - 8) / 8;
	struct cw_stack head = {.nframes = CW_STACK_FRAMES_MAX};

	memcpy(made->stacks + (size_t)last * 8, &head, sizeof(head));
	made->header.section[CW_SECTION_STACKS].used = MADE_STACK_BYTES;
	made_slot(made, 7, 1)->created = made_mark(made, 5000, "accept", UINT32_MAX);
	made->slots[7].eof = made_mark(made, 6000, "read", last);
	made->slots[7].last = CW_MARK(MADE_T(6001), 1, CW_WHO(100, 1023));
	session_fixture_load(f, 0, made);
	assert_null(f->model->sockets->created.stack);
	assert_null(f->model->sockets->holders->eof.stack);
	assert_null(f->model->sockets->holders->last_use.stack);
	assert_null(f->model->sockets->holders->last_use.op);
}

static struct made_session *make_rich(void)
{
	static const uint64_t ips[] = {0x1111, 0x2222, 0x3333};
	struct made_session *made = made_session_new(100);
	uint32_t stack = made_stack(made, 3, ips);

	made_module(made, 0x1000, 0x5000, 0, "/usr/bin/server")->build_id_len = 20;
	made->sites[1] = (struct cw_site){.stack = stack, .created = 3, .closed = 1, .life = {1}};
	for (int i = 0; i < 4; i++) {
		struct cw_slot *slot = made_slot(made, 7 + i, (uint64_t)i + 1);

		slot->created = made_mark(made, 5000, "accept", stack);
		slot->note = (struct cw_note){.cookie_lo = (uint32_t)i + 1, .fork_seq = 1};
		slot->note.eof = made_mark_of(made, 201 + i, 6000, "read", stack);
		slot->note.closed = made_mark_of(made, 201 + i, 6001, "close", stack);
		made_fork(made, 201 + i, 5500, stack);
	}
	made_handed(made, 20, 77, 8000);
	return made;
}

/* xorshift: the same sequence in every run, so that a failure can be repeated. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/*
 * Flips bits, mostly in the header and the tables.  Whatever comes out must be an error or a
 * model, never a crash (sanitizers watch), and an error must leave no process behind.
 */
static void test_flipped_bits_do_no_harm(void **state)
{
	struct session_fixture *f = *state;
	uint64_t seed = 0x2545f4914f6cdd1d;
	int refused = 0, read = 0;

	for (int round = 0; round < 3000; round++) {
		struct made_session *made = make_rich();
		struct cwr_model *model = cwr_model_new();
		struct cwr_error *error;

		for (uint64_t n = next_random(&seed) % 16; n < 16; n++) {
			uint64_t range = n % 2 ? sizeof(*made) : sizeof(made->header);

			((unsigned char *)made)[next_random(&seed) % range] ^=
				(unsigned char)(1u << next_random(&seed) % 8);
		}
		made_session_write(made, f->path[0]);
		error = cwr_session_load(model, f->path[0]);
		if (error) {
			refused++;
			assert_null(model->processes);
			assert_non_null(strstr(error->message, f->path[0]));
		} else {
			read++;
			assert_non_null(model->processes);
		}
		cwr_error_free(error);
		cwr_model_free(model);
		made_session_free(made);
	}
	assert_true(refused > 100 && read > 100);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, session_fixture_setup, session_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_losses_are_admitted),
		CASE(test_a_missing_file_is_an_error),
		CASE(test_garbage_is_no_session),
		CASE(test_every_cut_is_noticed),
		CASE(test_headers_that_cannot_be_read),
		CASE(test_one_bad_section_leaves_the_rest),
		CASE(test_a_slot_left_half_written_is_said),
		CASE(test_wild_stack_numbers_lead_nowhere),
		CASE(test_flipped_bits_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
