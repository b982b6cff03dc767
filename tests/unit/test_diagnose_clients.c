/* SPDX-License-Identifier: MIT */
/*
 * The rules about connections that a program made itself, and about pairs of connections, on made
 * models with their near misses.
 */
#include "made_scene.h"

/* A connection made so many seconds ago at line 40 by the server's first thread to one peer. */
static struct cwr_socket *add_client(struct scene *s, int fd, int made_s, double fin_s)
{
	struct cwr_socket *socket = made_accepted(s->model, s->server, fd);

	socket->role = CWR_ROLE_CONNECTED;
	socket->holders->via = CWR_VIA_CONNECT;
	socket->peer = made_addr("127.0.0.1", 9000);
	socket->created = made_mark(s->model, s->server, "connect", fd, made_s, 40);
	socket->has_tcp_bytes = true;
	socket->bytes_sent = socket->bytes_received = 100;
	socket->fin_age_s = fin_s;
	socket->idle_s = made_s - 0.5;
	return socket;
}

/* The accepted connection of the scene is not what these tests are about. */
static int set_clients(void **state)
{
	struct scene *s;

	set_scene(state);
	s = *state;
	s->socket->peer_has_closed = false;
	s->socket->state = CWR_TCP_ESTABLISHED;
	return 0;
}

#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, set_clients, strike_scene)

static void test_idle_pooled(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *socket = add_client(s, 20, 60, 10);

	assert_cause(s, "idle-pooled-client");
	assert_int_equal(s->model->findings->verdict, CWR_IDLE);
	socket->recv_q = 25; /* a TLS alert before the end */
	assert_cause(s, "idle-pooled-client");
	socket->recv_q = 7; /* an answer that nobody read */
	assert_cause(s, "unread-not-closed");
}

/* "terminating connection due to idle-session timeout" */
static void test_idle_pooled_with_a_goodbye(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *socket = add_client(s, 20, 60, 10);

	socket->bytes_received = 300;
	socket->recv_q = 117;
	assert_cause(s, "unread-not-closed");
	socket->has_goodbye = true;
	assert_cause(s, "idle-pooled-client");
}

/* No call has told of it: the pool does not know. */
static void test_idle_pooled_and_reset(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *socket = add_client(s, 20, 60, 10);

	socket->state = CWR_TCP_CLOSE;
	socket->recv_q = -1;
	socket->holders->last_use.op = "recv";
	assert_cause(s, "idle-pooled-client");
	socket->holders->last_use.op = "send"; /* the answer is still to come */
	assert_cause(s, "reset-not-closed");
	socket->holders->last_use.op = "recv";
	socket->holders->saw_reset = true;
	assert_cause(s, "reset-not-closed");
	socket->holders->saw_reset = false;
	socket->role = CWR_ROLE_ACCEPTED;
	assert_cause(s, "reset-not-closed");
}

static void test_not_pooled(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *socket = add_client(s, 20, 60, 10);

	socket->bytes_sent = 0; /* nothing was ever asked */
	assert_cause(s, "unread-not-closed");
	socket->bytes_sent = 100;
	socket->idle_s = 3; /* used after the peer's end */
	assert_cause(s, "unread-not-closed");
	socket->idle_s = -1;
	assert_cause(s, "unread-not-closed");
	socket->idle_s = 50;
	made_eof(s->model, socket, socket->holders);
	assert_cause(s, "eof-read-not-closed");
}

static void test_abandoned(void **state)
{
	struct scene *s = *state;

	add_client(s, 20, 60, 10);
	add_client(s, 21, 50, 10);
	assert_cause(s, "abandoned-client");
	assert_int_equal(s->model->findings->nsockets, 2);
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

/* A pool that was once busy made several at a time: none was idle when the other was made. */
static void test_busy_pool_is_not_abandoned(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *first = add_client(s, 20, 60, 10), *second = add_client(s, 21, 59, 10);

	first->idle_s = second->idle_s = 50;
	assert_cause(s, "unread-not-closed");
}

/* One that was asked twice shows that the place keeps what it connects. */
static void test_reused_pool(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *first = add_client(s, 20, 60, 10), *second = add_client(s, 21, 59, 10);

	first->idle_s = second->idle_s = 50;
	first->holders->turns = 1;
	assert_cause(s, "idle-pooled-client");
	first->holders->speaks_tls = true; /* its handshake may be that turn */
	assert_cause(s, "unread-not-closed");
	first->holders->turns = 3;
	assert_cause(s, "idle-pooled-client");
}

/* As many log-ins to a data base, each with one question, and none of them was ever closed. */
static void test_log_ins_are_no_pool(void **state)
{
	struct scene *s = *state;
	const struct cwr_site_stats site = {.known = true, .created = 3};
	struct cwr_socket *sockets[3];

	for (int i = 0; i < 3; i++) {
		sockets[i] = add_client(s, 20 + i, 60, 10);
		sockets[i]->idle_s = 60;
		sockets[i]->site = site;
		sockets[i]->holders->turns = CWR_TURNS_MAX;
	}
	assert_cause(s, "unread-not-closed");
	sockets[1]->holders->turns = 1; /* a log-in is more than that */
	assert_cause(s, "idle-pooled-client");
	sockets[1]->holders->turns = CWR_TURNS_MAX;
	sockets[0]->created.t -= 1000000000; /* and used when the others had been made */
	sockets[0]->idle_s = 59;
	assert_cause(s, "idle-pooled-client");
	sockets[0]->idle_s = 60;
	sockets[1]->site.closed = sockets[0]->site.closed = sockets[2]->site.closed = 1;
	assert_cause(s, "idle-pooled-client");
}

/* Made when the older one had ended already. */
static void test_later_client_is_no_abandoning(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *other = add_client(s, 21, 60, 10);

	add_client(s, 20, 90, 70)->site.closed = 1;
	other->peer = made_addr("127.0.0.2", 9000);
	assert_cause(s, "idle-pooled-client");
	other->peer = made_addr("127.0.0.1", 9000);
	assert_cause(s, "unread-not-closed");
	other->created.stack = NULL; /* of unknown places */
	assert_cause(s, "unread-not-closed");
}

/* Whose server hangs up after each answer: dead when the next was made, and none was ever closed.
 */
static void test_abandoned_one_after_the_other(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *sockets[] = {add_client(s, 20, 90, 89), add_client(s, 21, 60, 59)};
	const struct cwr_site_stats site = {.known = true, .created = 3};

	for (int i = 0; i < 2; i++) {
		sockets[i]->recv_q = 0; /* with the answer came the end */
		sockets[i]->eof = CWR_EOF_SWALLOWED;
		sockets[i]->site = site;
	}
	assert_cause(s, "abandoned-client");
	sockets[0]->site.closed = sockets[1]->site.closed = 1; /* perhaps of a pool */
	assert_cause(s, "unread-not-closed");
	sockets[0]->site = sockets[1]->site = (struct cwr_site_stats){.known = true, .created = 2};
	assert_cause(s, "unread-not-closed");
}

/* A connection of each thread's own, to one server that went away. */
static void test_threads_pass_over_nothing(void **state)
{
	struct scene *s = *state;
	struct cwr_thread threads[] = {{.tid = 4242, .known = true}, {.tid = 4243, .known = true}};

	add_client(s, 20, 60, 10)->created.tid = 4242;
	add_client(s, 21, 50, 10)->created.tid = 4243;
	s->server->threads = threads;
	s->server->nthreads = 2;
	assert_cause(s, "unread-not-closed");
	s->server->nthreads = 1;
	assert_cause(s, "unread-not-closed");
	threads[0].tid = 4244; /* the thread of the older one has ended */
	assert_cause(s, "abandoned-client");
}

static void test_replaced(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *old = add_client(s, 20, 60, 10), *later = add_client(s, 21, 5, -1);

	later->peer_has_closed = false;
	later->state = CWR_TCP_ESTABLISHED;
	made_eof(s->model, old, old->holders);
	assert_cause(s, "replaced-by-reconnect");
	assert_non_null(strstr(s->model->findings->advice, ", before the"));
	later->created.tid++; /* another thread's business */
	assert_cause(s, "eof-read-not-closed");
	later->created.tid--;
	later->created.t = (MADE_NOW - 30) * MADE_SECOND; /* it was there before */
	assert_cause(s, "eof-read-not-closed");
}

static struct cwr_holder *add_other_side(struct scene *s)
{
	struct cwr_socket *other = add_client(s, 20, 15, -1);

	other->peer_has_closed = false;
	other->state = CWR_TCP_FIN_WAIT2;
	other->holders->shutdown = made_mark(s->model, s->server, "shutdown", 20, 10, 45);
	other->holders->shut_wr = true;
	return other->holders;
}

static void test_relay(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *other = add_other_side(s);

	made_eof(s->model, s->socket, s->owner);
	assert_cause(s, "eof-read-not-closed"); /* what moved is not known */
	s->socket->has_tcp_bytes = true;
	s->socket->bytes_received = 100;
	assert_cause(s, "half-close-relay");
	assert_non_null(strstr(s->model->findings->advice, "forkserver.c:45"));
	other->shutdown.tid++;
	assert_cause(s, "eof-read-not-closed");
	other->shutdown.tid--;
	other->shutdown.t -= MADE_SECOND; /* before the end-of-file */
	assert_cause(s, "eof-read-not-closed");
}

/* The accepted socket of the other side of a relay, in the hands of a thread. */
static struct cwr_socket *add_end_of(struct scene *s, const struct cwr_socket *other, pid_t tid)
{
	struct cwr_socket *end = made_accepted(s->model, s->server, 30);

	end->local = other->peer;
	end->peer = other->local;
	end->created.tid = tid;
	end->peer_has_closed = false;
	end->state = CWR_TCP_ESTABLISHED;
	return end;
}

/* A program that is its own client shuts down, after one end-of-file, what it will read next. */
static void test_own_client_is_no_relay(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *other, *end;

	add_other_side(s);
	other = s->model->sockets->next;
	made_eof(s->model, s->socket, s->owner);
	s->socket->has_tcp_bytes = true;
	s->socket->bytes_received = 100;
	end = add_end_of(s, other, s->server->pid);
	assert_cause(s, "eof-read-not-closed");
	end->created.tid++; /* another thread serves it: the data went there */
	assert_cause(s, "half-close-relay");
	s->socket->local = other->peer; /* two ends of one connection */
	s->socket->peer = other->local;
	assert_cause(s, "eof-read-not-closed");
	s->socket->local = made_addr("::ffff:127.0.0.1", s->socket->local.port);
	s->socket->peer = made_addr("::ffff:127.0.0.1", s->socket->peer.port);
	assert_cause(s, "eof-read-not-closed");
}

/* Nothing was moved on, or the shutdown followed the end-of-file of yet another connection. */
static void test_unrelated_shutdown_is_no_relay(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *other = add_other_side(s);
	struct cwr_socket *third;

	made_eof(s->model, s->socket, s->owner);
	s->socket->has_tcp_bytes = true;
	assert_cause(s, "eof-read-not-closed");
	s->socket->bytes_received = 100;
	assert_cause(s, "half-close-relay");
	third = made_accepted(s->model, s->server, 31);
	made_eof(s->model, third, third->holders);
	third->holders->eof.t += MADE_SECOND / 10;
	other->shutdown.t += MADE_SECOND / 5;
	assert_cause(s, "eof-read-not-closed");
}

/* The other side has ended as well: it is the close that is missing. */
static void test_relay_that_is_over(void **state)
{
	struct scene *s = *state;
	struct cwr_holder *other = add_other_side(s);

	made_eof(s->model, s->socket, s->owner);
	for (struct cwr_socket *socket = s->model->sockets; socket; socket = socket->next)
		if (socket->holders == other)
			socket->state = CWR_TCP_UNKNOWN;
	assert_cause(s, "eof-read-not-closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENT_TEST(test_idle_pooled),
		CLIENT_TEST(test_idle_pooled_with_a_goodbye),
		CLIENT_TEST(test_idle_pooled_and_reset),
		CLIENT_TEST(test_log_ins_are_no_pool),
		CLIENT_TEST(test_not_pooled),
		CLIENT_TEST(test_abandoned),
		CLIENT_TEST(test_busy_pool_is_not_abandoned),
		CLIENT_TEST(test_reused_pool),
		CLIENT_TEST(test_later_client_is_no_abandoning),
		CLIENT_TEST(test_abandoned_one_after_the_other),
		CLIENT_TEST(test_threads_pass_over_nothing),
		CLIENT_TEST(test_replaced),
		SCENE_TEST(test_relay),
		SCENE_TEST(test_relay_that_is_over),
		SCENE_TEST(test_own_client_is_no_relay),
		SCENE_TEST(test_unrelated_shutdown_is_no_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
