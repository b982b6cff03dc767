/* SPDX-License-Identifier: MIT */
/*
 * The rules about TLS on made models: a session that was shut down and a handshake that came to
 * rest, what looks like them and is not, and what a library writes for itself.
 */
#include "made_scene.h"

#include <string.h>

static struct cwr_mark made_tls(struct scene *s, const char *op, int seconds_ago, unsigned int line,
				enum cwr_tls phase)
{
	struct cwr_mark mark = made_mark(s->model, s->server, op, 7, seconds_ago, line);

	mark.stack->tls = phase;
	mark.stack->tls_call = phase == CWR_TLS_SHUTDOWN ? "SSL_shutdown" : "SSL_read";
	mark.stack->tls_library = "libssl.so.3";
	return mark;
}

static void test_said_goodbye(void **state)
{
	struct scene *s = *state;

	s->owner->last_use = made_tls(s, "write", 9, 70, CWR_TLS_SHUTDOWN);
	assert_cause(s, "tls-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	assert_non_null(strstr(s->model->findings->advice, "SSL_shutdown() at forkserver.c:70"));
	s->owner->last_use.stack->tls = CWR_TLS_WRITE;
	assert_cause(s, "half-open-in-use"); /* data, after the FIN */
	s->owner->last_use.stack->tls = CWR_TLS_NONE;
	assert_cause(s, "half-open-in-use");
}

static void test_end_read_while_saying_goodbye(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->eof = made_tls(s, "read", 10, 70, CWR_TLS_SHUTDOWN);
	assert_cause(s, "tls-not-closed");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	s->owner->last_use = made_mark(s->model, s->server, "write", 7, 9, 77);
	assert_cause(s, "half-open-in-use"); /* and then it went on without TLS */
	s->owner->last_use.t -= 3 * MADE_SECOND;
	assert_cause(s, "tls-not-closed");
}

/* The peer was gone when the closing alert came, and its kernel answered with a reset. */
static void test_goodbye_answered_by_reset(void **state)
{
	struct scene *s = *state;

	s->owner->last_use = made_tls(s, "write", 9, 70, CWR_TLS_SHUTDOWN);
	s->socket->state = CWR_TCP_CLOSE;
	assert_cause(s, "tls-not-closed");
	assert_string_equal(s->model->findings->also_possible[0], "reset-not-closed");
}

static void test_order_before_goodbye(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->eof = made_tls(s, "read", 10, 70, CWR_TLS_SHUTDOWN);
	s->owner->wrong_close = made_mark(s->model, s->server, "close", 8, 9, 71);
	assert_cause(s, "wrong-close");
	s->owner->wrong_close = (struct cwr_mark){0};
	s->owner->shutdown = made_mark(s->model, s->server, "shutdown", 7, 9, 72);
	s->owner->shut_wr = s->owner->shut_rd = true;
	assert_cause(s, "shutdown-not-closed");
	assert_string_equal(s->model->findings->also_possible[0], "tls-not-closed");
}

/* A library answers an unexpected end with an alert: nothing that the program sends. */
static void test_alert_after_end_is_no_data(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	s->owner->eof = made_tls(s, "read", 10, 60, CWR_TLS_READ);
	s->owner->last_use = made_tls(s, "write", 9, 60, CWR_TLS_READ);
	assert_cause(s, "eof-read-not-closed");
	assert_non_null(strstr(s->model->findings->explanation, "SSL_read() of libssl.so.3"));
	assert_non_null(strstr(s->model->findings->advice, "SSL_read() at forkserver.c:60"));
	s->socket->has_sent_age = true;
	s->socket->sent_age_s = 9;
	assert_cause(s, "eof-read-not-closed");
	s->socket->state = CWR_TCP_CLOSE; /* the answer to it */
	assert_cause(s, "eof-read-not-closed");
	s->owner->saw_reset = true; /* the program was told of that as well */
	assert_cause(s, "reset-not-closed");
}

static void test_handshake(void **state)
{
	struct scene *s = *state;

	s->owner->waited = made_tls(s, "read", 15, 50, CWR_TLS_HANDSHAKE);
	s->server->watches_known = true;
	assert_cause(s, "tls-handshake-stalled");
	assert_int_equal(s->model->findings->verdict, CWR_STALL);
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:50"));
	s->server->watches_known = false;
	assert_cause(s, "tls-handshake-stalled");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	s->owner->waited.stack->tls = CWR_TLS_READ; /* it was over, a request was awaited */
	assert_cause(s, "unread-not-closed");
	s->owner->waited.stack->tls = CWR_TLS_NONE;
	assert_cause(s, "unread-not-closed");
}

/* The end-of-file made it fail: then somebody was told, and should have closed. */
static void test_failed_handshake(void **state)
{
	struct scene *s = *state;

	s->owner->waited = made_tls(s, "read", 15, 50, CWR_TLS_HANDSHAKE);
	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed");
	assert_null(s->model->findings->also_possible[0]);
	s->owner->eof = made_tls(s, "read", 10, 50, CWR_TLS_HANDSHAKE);
	assert_cause(s, "eof-read-not-closed");
	assert_string_equal(s->model->findings->also_possible[0], "tls-handshake-stalled");
}

static void add_thread(struct scene *s, enum cwr_call call)
{
	s->server->threads = cwr_model_alloc(s->model, sizeof(*s->server->threads));
	s->server->nthreads = 1;
	*s->server->threads = (struct cwr_thread){
		.tid = s->server->pid, .known = true, .call = call, .fd = -1, .is_still = true};
	s->server->watches_known = true;
	s->model->still_s = 1;
}

/* The thread would go on with it and cannot: it is what holds the thread that must be named. */
static void test_handshake_of_stuck_thread(void **state)
{
	struct scene *s = *state;

	s->owner->waited = made_tls(s, "read", 15, 50, CWR_TLS_HANDSHAKE);
	add_thread(s, CWR_CALL_LOCK);
	assert_cause(s, "owner-stuck");
	s->server->threads->is_still = false;
	assert_cause(s, "tls-handshake-stalled");
	s->server->threads->call = CWR_CALL_OTHER;
	s->server->threads->syscall = -1; /* it computes, and may come to it yet */
	assert_cause(s, "unread-not-closed");
	s->server->is_exiting = true;
	assert_cause(s, "tls-handshake-stalled");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

static void test_handshake_of_stopped_loop(void **state)
{
	struct scene *s = *state;
	struct cwr_watch watch = {.epfd = 5, .fd = 7, .wants_input = true};

	s->owner->waited = made_tls(s, "read", 15, 50, CWR_TLS_HANDSHAKE);
	add_thread(s, CWR_CALL_OTHER);
	s->server->watches = &watch;
	s->server->nwatches = 1;
	assert_cause(s, "loop-stopped");
	watch.is_edge_triggered = true;
	assert_cause(s, "tls-handshake-stalled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_said_goodbye),
		SCENE_TEST(test_end_read_while_saying_goodbye),
		SCENE_TEST(test_goodbye_answered_by_reset),
		SCENE_TEST(test_order_before_goodbye),
		SCENE_TEST(test_alert_after_end_is_no_data),
		SCENE_TEST(test_handshake),
		SCENE_TEST(test_failed_handshake),
		SCENE_TEST(test_handshake_of_stuck_thread),
		SCENE_TEST(test_handshake_of_stopped_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
