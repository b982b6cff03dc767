/* SPDX-License-Identifier: MIT */
/*
 * The rules about one process on made models: each cause, what looks like it and is not, the order
 * of decision, and how sockets become findings.  test_diagnose_copies.c has the other rules.
 */
#include "diagnose/cause.h"
#include "made_scene.h"

#include <errno.h>
#include <stdio.h>

static void test_half_open_in_use(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 2, 77);
	assert_cause(s, "half-open-in-use");
	assert_int_equal(s->model->summary[CWR_IN_USE], 1);
	assert_int_equal(s->model->summary[CWR_LEAK], 0);
}

static void test_half_open_no_longer_in_use(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->eof.t = (MADE_NOW - 60) * MADE_SECOND;
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 11, 77);
	assert_cause(s, "eof-read-not-closed");
}

/* A read after the FIN is not a sign that the program still sends. */
static void test_reading_is_not_sending(void **state)
{
	struct scene *s = *state;

	s->owner->last_use = made_mark(s->model, s->server, "recv", 7, 2, 77);
	assert_cause(s, "unread-not-closed");
}

static void test_kernel_saw_data_sent(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->socket->has_sent_age = true;
	s->socket->sent_age_s = 3;
	assert_cause(s, "half-open-in-use");
	s->socket->sent_age_s = 10.5; /* before the FIN */
	assert_cause(s, "eof-read-not-closed");
}

/* The kernel's clock and the shim's are some milliseconds apart. */
static void test_data_sent_right_before_the_end(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->eof.t = s->model->now - 3000000000ULL;
	s->socket->has_sent_age = true;
	s->socket->sent_age_s = 2.99;
	assert_cause(s, "eof-read-not-closed");
}

static void test_unsent_data_that_shrinks(void **state)
{
	struct scene *s = *state;

	s->socket->send_q_before = 5000;
	s->socket->send_q = 4000;
	assert_cause(s, "half-open-in-use");
	s->socket->send_q = 5000;
	assert_cause(s, "unread-not-closed");
}

static void shut_down(struct scene *s, bool rd, bool wr, int seconds_ago)
{
	s->owner->shutdown = made_mark(s->model, s->server, "shutdown", 7, seconds_ago, 66);
	s->owner->shut_rd = rd;
	s->owner->shut_wr = wr;
}

static void test_shutdown_not_closed(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	shut_down(s, true, true, 9);
	s->socket->state = CWR_TCP_CLOSE;
	assert_cause(s, "shutdown-not-closed");
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:66"));
	assert_null(s->model->findings->also_possible[0]);
	s->owner->saw_reset = true;
	assert_cause(s, "shutdown-not-closed");
	assert_string_equal(s->model->findings->also_possible[0], "reset-not-closed");
}

/* A client that ends politely and then forgets to close after the end-of-file. */
static void test_polite_end_lacks_close_after_eof(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	shut_down(s, false, true, 15);
	assert_cause(s, "eof-read-not-closed");
}

/* After its own shutdown(SHUT_RD) reads return 0 though the peer is there. */
static void test_own_shutdown_is_no_fin(void **state)
{
	struct scene *s = *state;

	shut_down(s, true, false, 15);
	made_eof(s->model, s->socket, s->owner);
	s->socket->peer_has_closed = s->socket->is_confirmed = false;
	s->socket->state = CWR_TCP_UNKNOWN;
	assert_clean(s);
	s->owner->shutdown.t = 0;
	s->owner->shut_rd = false;
	assert_cause(s, "eof-read-not-closed");
}

static void test_reset_not_closed(void **state)
{
	struct scene *s = *state;

	s->socket->state = CWR_TCP_CLOSE;
	assert_cause(s, "reset-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	assert_non_null(strstr(s->model->findings->advice, "no call on it has failed"));
	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "reset-not-closed");
	assert_non_null(strstr(s->model->findings->advice, "has returned 0"));
	s->owner->saw_reset = true;
	assert_cause(s, "reset-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	assert_non_null(strstr(s->model->findings->advice, "ECONNRESET"));
}

/* A socket that never was connected is in state CLOSE as well. */
/* The child that served it may have shut it down before it closed. */
static void test_ended_by_the_child_is_no_reset(void **state)
{
	struct scene *s = *state;

	serve_in_child(s);
	s->socket->state = CWR_TCP_CLOSE;
	s->socket->recv_q = -1;
	assert_cause(s, "parent-kept-copy");
	assert_null(s->model->findings->also_possible[0]);
}

static void test_unconnected_socket_is_clean(void **state)
{
	struct scene *s = *state;

	s->socket->state = CWR_TCP_CLOSE;
	s->socket->role = CWR_ROLE_CONNECTED;
	assert_clean(s);
	s->socket->role = CWR_ROLE_SOCKET;
	assert_clean(s);
}

static void test_wrong_close(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->wrong_close = made_mark(s->model, s->server, "close", 8, 9, 70);
	assert_cause(s, "wrong-close");
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:70"));
	s->owner->wrong_close.tid++; /* another thread's close tells nothing of this socket */
	assert_cause(s, "eof-read-not-closed");
	s->owner->wrong_close.tid--;
	s->owner->wrong_close.t -= 2 * MADE_SECOND; /* before the end-of-file */
	assert_cause(s, "eof-read-not-closed");
}

static void test_wrong_close_of_another_connection(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->wrong_close = made_mark(s->model, s->server, "close", 8, 9, 70);
	s->owner->wrong_close.result = -EBADF;
	assert_cause(s, "wrong-close");
	assert_non_null(strstr(s->model->findings->explanation, "was not open"));
	s->owner->wrong_close.result = 0;
	assert_cause(s, "wrong-close");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	assert_non_null(strstr(s->model->findings->explanation, "had not ended"));
}

static void test_eof_read_not_closed(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	assert_non_null(strstr(s->model->findings->advice, "read() returns 0 at forkserver.c:60"));
	s->owner->eof.op = "__recv_chk";
	assert_cause(s, "eof-read-not-closed");
	assert_non_null(strstr(s->model->findings->advice, "when recv() returns 0"));
}

/* What else the process was doing nobody could be asked. */
static void test_unconfirmed_is_never_sure(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	s->owner->is_confirmed = false;
	assert_cause(s, "eof-read-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

static void test_unread_not_closed(void **state)
{
	struct scene *s = *state;

	assert_cause(s, "unread-not-closed");
	assert_non_null(strstr(s->model->findings->explanation, "waits unread"));
	s->socket->recv_q = 0; /* swallowed with the last data */
	assert_cause(s, "unread-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_LOW);
}

static void test_opened_elsewhere(void **state)
{
	struct scene *s = *state;

	s->socket->created = (struct cwr_mark){0};
	assert_cause(s, "opened-elsewhere");
	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
}

static void test_what_is_no_leak(void **state)
{
	struct scene *s = *state;

	s->socket->peer_has_closed = false;
	s->socket->state = CWR_TCP_ESTABLISHED;
	assert_clean(s);
	s->socket->peer_has_closed = true;
	s->socket->state = CWR_TCP_LISTEN;
	assert_clean(s);
	s->socket->state = CWR_TCP_CLOSE_WAIT;
	s->socket->role = CWR_ROLE_PAIR;
	assert_clean(s);
	s->socket->role = CWR_ROLE_ACCEPTED;
	s->owner->is_open = false;
	assert_clean(s);
}

static void test_min_age(void **state)
{
	struct scene *s = *state;

	s->socket->fin_age_s = 0.5;
	assert_clean(s);
	s->model->policy.min_age_s = 0.25;
	assert_cause(s, "unread-not-closed");
}

/* At exit an end-of-file that was read counts at once, an unread one by its age. */
static void test_min_age_at_exit(void **state)
{
	struct scene *s = *state;

	s->server->is_exiting = true;
	s->socket->fin_age_s = 0.1;
	assert_clean(s);
	made_eof(s->model, s->socket, s->owner);
	s->owner->eof.t = s->model->now - 1000;
	assert_cause(s, "eof-read-not-closed");
	s->server->is_exiting = false;
	assert_clean(s);
}

static void test_only_cause(void **state)
{
	struct scene *s = *state;

	s->model->policy.only_cause = "eof-read-not-closed";
	assert_clean(s);
	s->model->policy.only_cause = "unread-not-closed";
	assert_cause(s, "unread-not-closed");
}

/* What more facts decide comes before what fewer facts decide. */
static void test_order_of_decision(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
	s->owner->saw_reset = true;
	assert_cause(s, "reset-not-closed");
	shut_down(s, true, true, 9);
	assert_cause(s, "shutdown-not-closed");
	s->owner->last_use = made_mark(s->model, s->server, "send", 7, 2, 77);
	assert_cause(s, "half-open-in-use");
	s->owner->eof.t = s->owner->shutdown.t = s->owner->last_use.t = 0;
	serve_in_child(s);
	assert_cause(s, "parent-kept-copy");
}

static void test_grouping(void **state)
{
	struct scene *s = *state;
	struct cwr_finding *f;

	s->owner->is_open = false;
	for (int i = 0; i < 5; i++) {
		struct cwr_socket *socket =
			made_parent_leak(s->model, s->server, 10 + i, (uint32_t)i + 1);

		socket->fin_age_s = 20 + i;
	}
	made_accepted(s->model, s->server, 30)->holders->fork_seq = 5; /* after all forks */
	f = diagnose(s);
	assert_string_equal(f->cause, "parent-kept-copy");
	assert_int_equal(f->nsockets, 5);
	assert_int_equal(f->nchildren, 5);
	assert_int_equal(f->sockets[0]->cookie, 0x1000 + 14); /* the oldest */
	assert_true(f->oldest_s > 23.9 && f->oldest_s < 24.1);
	assert_int_equal(f->site.created, 20);
	assert_string_equal(f->next->cause, "unread-not-closed");
	assert_null(f->next->next);
	assert_int_equal(s->model->summary[CWR_LEAK], 6);
}

/* Equal in another run of the same build, at other addresses and with other process numbers. */
static void test_fingerprint(void **state)
{
	struct scene *s = *state;
	char first[17];

	snprintf(first, sizeof(first), "%s", diagnose(s)->id);
	assert_int_equal(strlen(first), 16);
	s->server->pid = 77;
	s->server->modules->start += 0x10000000;
	s->server->modules->end += 0x10000000;
	s->server->modules->bias += 0x10000000;
	for (size_t i = 0; i < 2; i++)
		s->socket->created.stack->ips[i] += 0x10000000;
	assert_string_equal(diagnose(s)->id, first);
	s->socket->created.stack->nframes = 0; /* no symbols: by build-id and offset */
	snprintf(first, sizeof(first), "%s", diagnose(s)->id);
	assert_string_equal(diagnose(s)->id, first);
	s->socket->created.stack->ips[0] += 1;
	assert_string_not_equal(diagnose(s)->id, first);
}

/* A loop that the compiler unrolled: two addresses, one line, and each its own statistics. */
static void test_same_lines_are_one_finding(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *second = made_accepted(s->model, s->server, 8);
	struct cwr_finding *f;
	char id[17];

	snprintf(id, sizeof(id), "%s", diagnose(s)->id);
	second->created.stack->ips[1] += 16;
	second->fin_age_s = 11;
	f = diagnose(s);
	assert_int_equal(f->nsockets, 2);
	assert_null(f->next);
	assert_ptr_equal(f->sockets[0], second);
	assert_int_equal(f->site.created, 40);
	assert_string_equal(f->id, id);
	second->created.stack->frames[1].line++;
	f = diagnose(s);
	assert_int_equal(f->nsockets, 1);
	assert_non_null(f->next);
	assert_string_not_equal(f->id, f->next->id);
}

/* Two addresses of one line: each has its own lives, which become those of the line. */
static void test_lives_of_the_same_lines(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *second = made_accepted(s->model, s->server, 8);
	struct cwr_site_stats *site = &s->socket->site;
	struct cwr_finding *f;

	second->created.stack->ips[1] += 16;
	*site = (struct cwr_site_stats){true, 5, 4, 0, 1, 3, 8};
	second->site = (struct cwr_site_stats){true, 3, 0, 0, -1, -1, -1};
	f = diagnose(s);
	assert_int_equal(f->site.created, 8);
	assert_true(f->site.life_min == 1 && f->site.life_median == 3 && f->site.life_max == 8);
	second->site = (struct cwr_site_stats){true, 3, 2, 0, 0.5, 3, 4};
	f = diagnose(s);
	assert_int_equal(f->site.closed, 6);
	assert_true(f->site.life_min == 0.5 && f->site.life_median == 3 && f->site.life_max == 8);
	second->site.life_median = 2;
	assert_true(diagnose(s)->site.life_median < 0);
	*site = (struct cwr_site_stats){true, 5, 0, 0, -1, -1, -1};
	f = diagnose(s);
	assert_true(f->site.life_min == 0.5 && f->site.life_median == 2 && f->site.life_max == 4);
}

static void test_table(void **state)
{
	for (size_t i = 0; cwr_causes[i]; i++) {
		assert_ptr_equal(cwr_cause_find(cwr_causes[i]->id), cwr_causes[i]);
		assert_non_null(cwr_causes[i]->title);
		assert_true(!cwr_causes[i]->decide != !cwr_causes[i]->decide_process);
		assert_non_null(cwr_causes[i]->advise);
	}
	assert_null(cwr_cause_find("no-such-cause"));
}

/* The rows of docs/causes.md's table are those of the code, in the same order. */
static void test_documented(void **state)
{
	const char *slash = strrchr(__FILE__, '/');
	char path[1024], line[2048], id[64];
	size_t row = 0;
	FILE *file;

	assert_non_null(slash);
	snprintf(path, sizeof(path), "%.*s/../../docs/causes.md", (int)(slash - __FILE__),
		 __FILE__);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "| %63[a-z-] |", id) != 1 || *id == '-' || !strcmp(id, "id"))
			continue;
		assert_non_null(cwr_causes[row]);
		assert_string_equal(id, cwr_causes[row]->id);
		assert_non_null(strstr(line, cwr_verdict_name(cwr_causes[row]->verdict)));
		row++;
	}
	fclose(file);
	assert_null(cwr_causes[row]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_half_open_in_use),
		SCENE_TEST(test_half_open_no_longer_in_use),
		SCENE_TEST(test_reading_is_not_sending),
		SCENE_TEST(test_kernel_saw_data_sent),
		SCENE_TEST(test_data_sent_right_before_the_end),
		SCENE_TEST(test_unsent_data_that_shrinks),
		SCENE_TEST(test_shutdown_not_closed),
		SCENE_TEST(test_polite_end_lacks_close_after_eof),
		SCENE_TEST(test_own_shutdown_is_no_fin),
		SCENE_TEST(test_reset_not_closed),
		SCENE_TEST(test_ended_by_the_child_is_no_reset),
		SCENE_TEST(test_unconnected_socket_is_clean),
		SCENE_TEST(test_wrong_close),
		SCENE_TEST(test_wrong_close_of_another_connection),
		SCENE_TEST(test_eof_read_not_closed),
		SCENE_TEST(test_unconfirmed_is_never_sure),
		SCENE_TEST(test_unread_not_closed),
		SCENE_TEST(test_opened_elsewhere),
		SCENE_TEST(test_what_is_no_leak),
		SCENE_TEST(test_min_age),
		SCENE_TEST(test_min_age_at_exit),
		SCENE_TEST(test_only_cause),
		SCENE_TEST(test_order_of_decision),
		SCENE_TEST(test_grouping),
		SCENE_TEST(test_fingerprint),
		SCENE_TEST(test_same_lines_are_one_finding),
		SCENE_TEST(test_lives_of_the_same_lines),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
