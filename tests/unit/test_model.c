/* SPDX-License-Identifier: MIT */
/*
 * The model's lists, its index by cookie, and its names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/map.h"
#include "model/model.h"

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

static void test_defaults_of_the_policy(void **state)
{
	const struct cwr_model *model = *state;

	assert_float_equal(model->policy.min_age_s, 1, 0);
	assert_int_equal(model->policy.fail_on, 1u << CWR_LEAK | 1u << CWR_STALL);
	assert_null(model->policy.only_cause);
}

static void test_sockets_are_found_by_their_cookie(void **state)
{
	struct cwr_model *model = *state;
	const uint64_t step = 0x100000001; /* differs in both halves */

	for (uint64_t i = 1; i <= 5000; i++)
		cwr_model_add_socket(model, i * step);
	for (uint64_t i = 1; i <= 5000; i++)
		assert_int_equal(cwr_model_find_socket(model, i * step)->cookie, i * step);
	assert_null(cwr_model_find_socket(model, 1));
	assert_null(cwr_model_find_socket(model, 0));
}

static void test_a_key_stands_for_its_latest_value(void **state)
{
	enum { KEYS = 3000 };
	static char values[2][KEYS + 1];
	struct cwr_map map = {0};

	assert_null(cwr_map_find(&map, 1));
	for (int round = 0; round < 2; round++)
		for (uint64_t key = 1; key <= KEYS; key++)
			cwr_map_put(&map, key << 20, &values[round][key]);
	assert_int_equal(map.n, KEYS);
	for (uint64_t key = 1; key <= KEYS; key++)
		assert_ptr_equal(cwr_map_find(&map, key << 20), &values[1][key]);
	assert_null(cwr_map_find(&map, 1));
	assert_null(cwr_map_find(&map, 0));
	cwr_map_free(&map);
	assert_null(cwr_map_find(&map, 1 << 20));
}

static void test_a_socket_gets_its_name(void **state)
{
	struct cwr_model *model = *state;
	struct cwr_socket *socket = cwr_model_add_socket(model, 1ull << 63 | 5);

	cwr_model_name_socket(model, socket, 7);
	assert_ptr_equal(cwr_model_find_socket(model, 7), socket);
	assert_ptr_equal(cwr_model_find_socket(model, 1ull << 63 | 5), socket);
	assert_int_equal(socket->cookie, 7);
	assert_true(socket->is_by_number);
	cwr_model_name_socket(model, socket, 7);
	assert_ptr_equal(model->sockets, socket);
	assert_null(socket->next);
}

/* One process knows it by its cookie, another one by the number that it made up. */
static void test_two_that_turn_out_to_be_one(void **state)
{
	struct cwr_model *model = *state;
	struct cwr_process *knows = cwr_model_add_process(model, 1);
	struct cwr_process *made = cwr_model_add_process(model, 2);
	struct cwr_socket *known = cwr_model_add_socket(model, 7);
	struct cwr_socket *unnamed = cwr_model_add_socket(model, 1ull << 63);
	struct cwr_holder *copy = cwr_model_add_holder(model, known, knows, 3);
	struct cwr_holder *owner = cwr_model_add_holder(model, unnamed, made, 4);
	struct cwr_holder *same = cwr_model_add_holder(model, unnamed, knows, 3);

	same->is_open = true;
	unnamed->created.t = 100;
	cwr_model_set_creator(unnamed, owner);
	cwr_model_name_socket(model, unnamed, 7);
	assert_ptr_equal(model->sockets, known);
	assert_null(known->next);
	assert_ptr_equal(known->creator, made);
	assert_int_equal(known->created.t, 100);
	assert_ptr_equal(cwr_model_find_holder(model, known, made, 4), owner);
	assert_ptr_equal(cwr_model_find_holder(model, known, knows, 3), copy);
	assert_ptr_equal(owner->socket, known);
	assert_ptr_equal(known->last_holder, owner);
	assert_false(same->is_open);
	/* What is added next stands behind what is left. */
	unnamed = cwr_model_add_socket(model, 8);
	assert_ptr_equal(known->next, unnamed);
}

static void test_sockets_keep_their_order(void **state)
{
	struct cwr_model *model = *state;
	uint64_t expected = 1;

	for (uint64_t i = 1; i <= 3; i++)
		cwr_model_add_socket(model, i);
	for (struct cwr_socket *s = model->sockets; s; s = s->next)
		assert_int_equal(s->cookie, expected++);
	assert_int_equal(expected, 4);
}

static void test_nothing_is_known_of_a_new_socket(void **state)
{
	struct cwr_socket *socket = cwr_model_add_socket(*state, 0);

	assert_int_equal(socket->recv_q, -1);
	assert_int_equal(socket->unread, -1);
	assert_int_equal(socket->send_q, -1);
	assert_true(socket->fin_age_s < 0);
	assert_int_equal(socket->state, CWR_TCP_UNKNOWN);
	assert_int_equal(socket->eof, CWR_EOF_UNKNOWN);
}

static void test_the_creator_comes_first(void **state)
{
	struct cwr_model *model = *state;
	struct cwr_process *parent = cwr_model_add_process(model, 10);
	struct cwr_process *child = cwr_model_add_process(model, 11);
	struct cwr_socket *socket = cwr_model_add_socket(model, 1);
	struct cwr_holder *copy = cwr_model_add_holder(model, socket, child, 4);
	struct cwr_holder *own = cwr_model_add_holder(model, socket, parent, 4);

	assert_ptr_equal(socket->holders, copy);
	cwr_model_set_creator(socket, own);
	assert_ptr_equal(socket->holders, own);
	assert_ptr_equal(own->next, copy);
	assert_null(copy->next);
	assert_ptr_equal(socket->creator, parent);
	assert_true(own->is_creator);
	assert_false(copy->is_creator);
	own = cwr_model_add_holder(model, socket, child, 5);
	assert_ptr_equal(copy->next, own);
}

static void test_holders_are_found(void **state)
{
	struct cwr_model *model = *state;
	struct cwr_process *process = cwr_model_add_process(model, 10);
	struct cwr_socket *one = cwr_model_add_socket(model, 1);
	struct cwr_socket *other = cwr_model_add_socket(model, 2);
	struct cwr_holder *first = cwr_model_add_holder(model, one, process, 4);
	struct cwr_holder *second = cwr_model_add_holder(model, other, process, 5);

	assert_ptr_equal(cwr_model_find_holder(model, one, process, 4), first);
	assert_ptr_equal(cwr_model_find_holder(model, other, process, 5), second);
	assert_null(cwr_model_find_holder(model, one, process, 5));
	assert_null(cwr_model_find_holder(model, one, NULL, 4));
	assert_ptr_equal(process->holders, second);
	assert_ptr_equal(second->next_in_process, first);
	assert_ptr_equal(second->socket, other);
}

static void test_many_holders_are_found_in_any_order(void **state)
{
	enum { HOLDERS = 50 };
	struct cwr_model *model = *state;
	struct cwr_process *process = cwr_model_add_process(model, 10);
	struct cwr_socket *socket = cwr_model_add_socket(model, 1);
	struct cwr_holder *holders[HOLDERS];

	for (int fd = 0; fd < HOLDERS; fd++) {
		holders[fd] = cwr_model_add_holder(model, socket, process, fd);
		cwr_model_set_creator(socket, holders[fd]);
	}
	for (int fd = 0; fd < HOLDERS; fd++)
		assert_ptr_equal(cwr_model_find_holder(model, socket, process, fd), holders[fd]);
	assert_null(cwr_model_find_holder(model, socket, process, HOLDERS));
}

static void test_of_several_images_the_newest_is_found(void **state)
{
	struct cwr_model *model = *state;
	struct cwr_process *reused = cwr_model_add_process(model, 10);
	struct cwr_process *after = cwr_model_add_process(model, 10);
	struct cwr_process *before = cwr_model_add_process(model, 10);

	reused->start_ticks = 100;
	reused->t_session = 9000;
	before->start_ticks = after->start_ticks = 200;
	before->t_session = 5000;
	after->t_session = 6000;
	assert_ptr_equal(cwr_model_find_process(model, 10), after);
	assert_null(cwr_model_find_process(model, 12));
}

static void test_a_limit_is_said_once(void **state)
{
	struct cwr_model *model = *state;
	struct cwr_process *process = cwr_model_add_process(model, 10);
	char text[] = "limit 0";

	for (int round = 0; round < 2; round++) {
		for (char c = '0'; c <= '9'; c++) {
			text[6] = c;
			cwr_model_add_limit(model, process, text);
		}
	}
	assert_int_equal(process->nlimits, 10);
	assert_string_equal(process->limits[0], "limit 0");
	assert_string_equal(process->limits[9], "limit 9");
}

static void test_memory_is_zeroed_whatever_its_size(void **state)
{
	static const size_t sizes[] = {0, 1, 17, 4096, 65536, 1000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *memory = cwr_model_alloc(*state, sizes[i]);

		assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
		for (size_t n = 0; n < sizes[i]; n++)
			assert_int_equal(memory[n], 0);
		memset(memory, 0xff, sizes[i]);
	}
}

static void test_addresses_are_written_as_users_know_them(void **state)
{
	struct cwr_addr v4 = {AF_INET, 8080, {127, 0, 0, 1}};
	struct cwr_addr v6 = {.family = AF_INET6, .port = 80, .ip = {[15] = 1}};
	struct cwr_addr none = {0};
	char text[64];

	assert_string_equal(cwr_addr_format(&v4, text, sizeof(text)), "127.0.0.1:8080");
	assert_string_equal(cwr_addr_format(&v6, text, sizeof(text)), "[::1]:80");
	assert_null(cwr_addr_format(&none, text, sizeof(text)));
}

static void test_every_value_has_a_name(void **state)
{
	for (int i = 0; i <= CWR_VIA_PASSED; i++)
		assert_non_null(cwr_via_name(i));
	for (int i = 0; i <= CWR_ROLE_RECEIVED; i++)
		assert_non_null(cwr_role_name(i));
	for (int i = 0; i < CWR_VERDICTS; i++)
		assert_non_null(cwr_verdict_name(i));
	for (int i = 0; i <= CWR_EOF_NONE; i++)
		assert_non_null(cwr_eof_name(i));
	for (int i = 0; i < CWR_EVIDENCES; i++)
		assert_non_null(cwr_evidence_name(i));
	assert_string_equal(cwr_tcp_state_name(CWR_TCP_CLOSE_WAIT), "CLOSE_WAIT");
	assert_null(cwr_tcp_state_name(CWR_TCP_UNKNOWN));
	assert_null(cwr_tcp_state_name(200));
}

#define WITH_MODEL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MODEL(test_defaults_of_the_policy),
		WITH_MODEL(test_sockets_are_found_by_their_cookie),
		WITH_MODEL(test_a_key_stands_for_its_latest_value),
		WITH_MODEL(test_a_socket_gets_its_name),
		WITH_MODEL(test_two_that_turn_out_to_be_one),
		WITH_MODEL(test_sockets_keep_their_order),
		WITH_MODEL(test_nothing_is_known_of_a_new_socket),
		WITH_MODEL(test_the_creator_comes_first),
		WITH_MODEL(test_holders_are_found),
		WITH_MODEL(test_many_holders_are_found_in_any_order),
		WITH_MODEL(test_of_several_images_the_newest_is_found),
		WITH_MODEL(test_a_limit_is_said_once),
		WITH_MODEL(test_memory_is_zeroed_whatever_its_size),
		WITH_MODEL(test_addresses_are_written_as_users_know_them),
		WITH_MODEL(test_every_value_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
