/* SPDX-License-Identifier: MIT */
/*
 * The rules about an end-of-file that was not read, on made models: what the threads are blocked
 * in, what is polled, and what looks like it and is not.
 */
#include "made_scene.h"

enum { EPOLL_FD = 3, LOOP_TID = 4243, WORKER_TID = 4244, INODE = 77 };

static struct cwr_thread *add_thread(struct scene *s, pid_t tid, enum cwr_call call, int fd)
{
	struct cwr_process *p = s->server;
	struct cwr_thread *threads =
		cwr_model_alloc(s->model, (p->nthreads + 1) * sizeof(*threads));

	if (p->nthreads)
		memcpy(threads, p->threads, p->nthreads * sizeof(*threads));
	p->threads = threads;
	p->watches_known = true;
	s->model->still_s = 1;
	threads[p->nthreads] = (struct cwr_thread){
		.tid = tid,
		.known = true,
		.call = call,
		.fd = fd,
		.is_still = true,
		.args = {fd >= 0 ? (uint64_t)fd : 0},
	};
	return &threads[p->nthreads++];
}

static struct cwr_thread *add_locked(struct scene *s, pid_t tid)
{
	return add_thread(s, tid, CWR_CALL_LOCK, -1);
}

/* What a watch is for. */
enum { NOTHING, INPUT = 1, EDGE = 2, SPENT = 4 };

static void add_watch(struct scene *s, const struct cwr_socket *socket, int fd, unsigned int events)
{
	struct cwr_process *p = s->server;
	struct cwr_watch *watches = cwr_model_alloc(s->model, (p->nwatches + 1) * sizeof(*watches));

	if (p->nwatches)
		memcpy(watches, p->watches, p->nwatches * sizeof(*watches));
	p->watches = watches;
	watches[p->nwatches++] = (struct cwr_watch){
		.epfd = EPOLL_FD,
		.fd = fd,
		.inode = socket->inode,
		.wants_input = events & INPUT,
		.is_edge_triggered = events & EDGE,
		.is_disarmed = events & SPENT,
	};
}

/* The server's loop waits in epoll_wait. */
static void start_loop(struct scene *s)
{
	s->socket->inode = INODE;
	add_thread(s, LOOP_TID, CWR_CALL_EPOLL, EPOLL_FD);
}

/* A later connection of the same listener that lives and was used. */
static struct cwr_socket *add_living(struct scene *s)
{
	struct cwr_socket *socket = made_accepted(s->model, s->server, 8);

	socket->created.t += MADE_SECOND;
	socket->state = CWR_TCP_ESTABLISHED;
	socket->peer_has_closed = false;
	socket->recv_q = 0;
	socket->eof = CWR_EOF_NONE;
	socket->inode = INODE + 1;
	socket->has_tcp_bytes = true;
	socket->bytes_received = 5;
	return socket;
}

static void used_by(struct cwr_holder *holder, pid_t tid)
{
	holder->last_use =
		(struct cwr_mark){.pid = 4242, .tid = tid, .fd = holder->fd, .op = "recv"};
}

/* What is undecided tells at least who used it last, and what became of that thread. */
static void test_unread_tells_the_last_user(void **state)
{
	struct scene *s = *state;

	assert_cause(s, "unread-not-closed");
	assert_null(strstr(s->model->findings->explanation, "last call"));
	used_by(s->owner, WORKER_TID);
	start_loop(s);
	assert_cause(s, "unread-not-closed");
	assert_non_null(strstr(s->model->findings->explanation,
			       "was recv(), by thread 4244, which has ended."));
	assert_non_null(strstr(s->model->findings->advice, "before the thread"));
	add_thread(s, WORKER_TID, CWR_CALL_POLL, -1);
	assert_cause(s, "unread-not-closed");
	assert_non_null(strstr(s->model->findings->explanation, "4244, which now waits in poll()"));
	assert_null(strstr(s->model->findings->advice, "before the thread"));
	s->server->is_alive = false; /* its threads are not known any more */
	s->server->nthreads = 0;
	assert_cause(s, "unread-not-closed");
	assert_null(strstr(s->model->findings->explanation, "has ended"));
}

static void test_reading_paused(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	add_watch(s, s->socket, 7, NOTHING);
	assert_cause(s, "reading-paused");
	assert_int_equal(s->model->findings->verdict, CWR_STALL);
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	s->server->is_exiting = true;
	assert_cause(s, "reading-paused");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

/* With input wanted, waiting for output too is no pause; nor is a set of another socket. */
static void test_not_paused(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *living = add_living(s);

	start_loop(s);
	add_watch(s, s->socket, 7, INPUT);
	assert_cause(s, "unread-not-closed");
	s->server->nwatches = 0;
	add_watch(s, living, 7, NOTHING); /* the number was another's before */
	assert_cause(s, "unread-not-closed");
}

static void test_event_ignored(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	add_watch(s, s->socket, 7, INPUT | EDGE);
	assert_cause(s, "event-ignored");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	s->server->threads[0].is_still = false;
	assert_cause(s, "event-ignored");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	s->socket->recv_q = 0; /* it was drained */
	assert_cause(s, "unread-not-closed");
	s->socket->eof = CWR_EOF_SWALLOWED; /* the last data and the end were one event */
	assert_cause(s, "event-ignored");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
}

static void test_spent_shot(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	add_watch(s, s->socket, 7, SPENT);
	assert_cause(s, "event-ignored");
	s->server->nwatches = 0;
	add_watch(s, s->socket, 7, INPUT); /* armed: it will be told */
	assert_cause(s, "unread-not-closed");
}

/* A worker that got the one shot and is stuck has not ignored it. */
static void test_spent_shot_in_stuck_hands(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	add_locked(s, WORKER_TID);
	used_by(s->owner, WORKER_TID);
	add_watch(s, s->socket, 7, SPENT);
	assert_cause(s, "owner-stuck");
}

static void test_loop_stopped(void **state)
{
	struct scene *s = *state;

	s->socket->inode = INODE;
	add_watch(s, s->socket, 7, INPUT);
	add_thread(s, LOOP_TID, CWR_CALL_OTHER, -1); /* blocked */
	assert_cause(s, "loop-stopped");
	s->socket->recv_q = 0; /* the last data was read and the end-of-file with it */
	assert_cause(s, "loop-stopped");
	s->socket->recv_q = -1;
	assert_cause(s, "unread-not-closed");
	s->socket->recv_q = 1;
	s->server->is_exiting = true; /* its loop may be what has come to the exit */
	assert_cause(s, "unread-not-closed");
	s->server->is_exiting = false;
	add_thread(s, WORKER_TID, CWR_CALL_POLL, -1); /* perhaps on the epoll descriptor */
	assert_cause(s, "unread-not-closed");
}

/* Whoever runs may poll between two looks; who only computes does not. */
static void test_busy_loop(void **state)
{
	struct scene *s = *state;
	struct cwr_thread *loop;

	s->socket->inode = INODE;
	add_watch(s, s->socket, 7, INPUT);
	loop = add_thread(s, LOOP_TID, CWR_CALL_OTHER, -1);
	loop->is_still = false;
	assert_cause(s, "unread-not-closed");
	loop->is_computing = true;
	assert_cause(s, "loop-stopped");
}

/* A runtime's own threads poll as well, but not the set of the loop that used the socket. */
static void test_loop_stopped_beside_others(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *timer = add_living(s);
	struct cwr_thread *loop;

	s->socket->inode = INODE;
	add_watch(s, s->socket, 7, INPUT);
	add_thread(s, LOOP_TID, CWR_CALL_OTHER, -1);
	add_thread(s, WORKER_TID, CWR_CALL_EPOLL, EPOLL_FD + 1)->is_still = false;
	loop = &s->server->threads[0];
	assert_cause(s, "unread-not-closed"); /* whose loop it is, is not known */
	used_by(s->owner, LOOP_TID);
	assert_cause(s, "loop-stopped");
	add_watch(s, timer, 8, INPUT);
	s->server->watches[1].epfd = EPOLL_FD + 1;
	assert_cause(s, "loop-stopped");
	s->server->watches[1].fd = EPOLL_FD; /* a set within the set */
	assert_cause(s, "unread-not-closed");
	s->server->watches[1].fd = 8;
	loop->is_still = false; /* it may be on its way to its set */
	assert_cause(s, "unread-not-closed");
	used_by(s->owner, WORKER_TID); /* it may poll one set after the other */
	loop->is_still = true;
	assert_cause(s, "unread-not-closed");
}

/* A semaphore is waited for in the same way as for work: the words say no more than that. */
static void test_user_waits_for_something(void **state)
{
	struct scene *s = *state;

	add_thread(s, WORKER_TID, CWR_CALL_FUTEX, -1);
	used_by(s->owner, WORKER_TID);
	assert_cause(s, "unread-not-closed");
	assert_non_null(strstr(s->model->findings->explanation, "waits for a lock, or for work"));
	s->server->is_exiting = true; /* it waits for the report */
	assert_cause(s, "unread-not-closed");
	assert_null(strstr(s->model->findings->explanation, "which now"));
}

static void test_not_polled(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *living = add_living(s);

	start_loop(s);
	add_watch(s, living, 8, INPUT);
	used_by(s->owner, LOOP_TID);
	assert_cause(s, "not-polled");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	used_by(s->owner, WORKER_TID); /* which never polls, and is gone */
	assert_cause(s, "unread-not-closed");
	add_thread(s, WORKER_TID, CWR_CALL_POLL, -1); /* or polls something else, a resolver's */
	assert_cause(s, "unread-not-closed");
	s->server->nthreads--;
	used_by(s->owner, LOOP_TID);
	add_thread(s, WORKER_TID, CWR_CALL_RECEIVE, 7); /* somebody reads it */
	assert_cause(s, "unread-not-closed");
	s->server->nthreads--;
	s->server->watches_known = false;
	assert_cause(s, "unread-not-closed");
}

/* It was taken out of the loop's set, by the thread that has it in hand. */
static void test_taken_out(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	s->owner->unpolled = made_mark(s->model, s->server, "epoll_ctl", 7, 12, 77);
	used_by(s->owner, s->owner->unpolled.tid);
	assert_cause(s, "not-polled");
	assert_non_null(
		strstr(s->model->findings->advice, "out of the event loop at forkserver.c:77"));
	s->owner->unpolled.stack->is_whole = false; /* it may have been a pause */
	assert_cause(s, "unread-not-closed");
	s->owner->unpolled.stack->is_whole = true;
	used_by(s->owner, WORKER_TID); /* it was handed on to a worker */
	assert_cause(s, "unread-not-closed");
	assert_int_equal(s->model->findings->evidence[CWR_EV_UNPOLLED].fd, 7);
	used_by(s->owner, s->owner->unpolled.tid);
	s->server->is_exiting = true; /* and takes all out before it ends */
	assert_cause(s, "unread-not-closed");
	s->server->is_sudden = true; /* for which it had no time */
	assert_cause(s, "not-polled");
	s->server->is_exiting = false;
	add_watch(s, s->socket, 7, INPUT); /* it was put in again */
	assert_cause(s, "unread-not-closed");
}

/* A library that pauses reading takes the socket out. */
static void test_paused_by_taking_out(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	s->owner->unpolled = made_mark(s->model, s->server, "epoll_ctl", 7, 12, 77);
	s->owner->unpolled.stack->pause_call = "bufferevent_disable";
	assert_cause(s, "reading-paused");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	assert_string_equal(s->model->findings->also_possible[0], "not-polled");
	assert_non_null(strstr(s->model->findings->explanation, "bufferevent_disable() took it"));
	add_thread(s, WORKER_TID, CWR_CALL_RECEIVE, 7); /* somebody reads it all the same */
	assert_cause(s, "unread-not-closed");
}

static void test_never_used(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *later = add_living(s);

	start_loop(s);
	add_watch(s, later, 8, INPUT);
	s->socket->has_tcp_bytes = true;
	s->socket->bytes_received = 4;
	s->socket->recv_q = 5; /* all of it unread */
	assert_cause(s, "never-used");
	later->local.port = 99; /* another listener */
	assert_cause(s, "unread-not-closed");
	later->local.port = s->socket->local.port;
	later->created.t = s->socket->created.t - MADE_SECOND;
	assert_cause(s, "unread-not-closed");
	later->created.t = s->socket->created.t; /* within a tick of the clock: which was first? */
	assert_cause(s, "unread-not-closed");
	later->created.t = s->socket->created.t + MADE_SECOND;
	s->socket->bytes_sent = 1; /* by a call that was not seen */
	assert_cause(s, "unread-not-closed");
}

/* The later one was served and is closed. */
static void test_never_used_among_closed(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	s->socket->has_tcp_bytes = true;
	s->socket->site.t_served = s->socket->created.t - 1;
	assert_cause(s, "unread-not-closed");
	s->socket->site.t_served = s->socket->created.t + MADE_SECOND;
	assert_cause(s, "never-used");
	s->socket->bytes_sent = 1;
	assert_cause(s, "unread-not-closed");
}

static void test_owner_stuck(void **state)
{
	struct scene *s = *state;

	used_by(s->owner, WORKER_TID);
	add_locked(s, WORKER_TID);
	assert_cause(s, "owner-stuck");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	s->server->threads[0].is_still = false;
	assert_cause(s, "unread-not-closed");
	s->server->threads[0].is_still = true;
	s->server->threads[0].call = CWR_CALL_OTHER; /* a condition variable */
	assert_cause(s, "unread-not-closed");
}

static void test_owner_polls_one_descriptor(void **state)
{
	struct scene *s = *state;
	struct cwr_thread *thread;

	used_by(s->owner, WORKER_TID);
	thread = add_thread(s, WORKER_TID, CWR_CALL_POLL, -1);
	thread->npolled = 1;
	thread->polled_fd = 99; /* nothing is known of it */
	assert_cause(s, "unread-not-closed");
	thread->asks_resolver = true;
	assert_cause(s, "owner-stuck");
	assert_non_null(strstr(s->model->findings->explanation, "waits for a name server"));
	thread->npolled = 2; /* a loop, whatever else it polls */
	assert_cause(s, "unread-not-closed");
}

/* Somebody else is waiting for the socket and will be woken. */
static void test_owner_is_not_alone(void **state)
{
	struct scene *s = *state;

	start_loop(s);
	used_by(s->owner, WORKER_TID);
	add_locked(s, WORKER_TID);
	add_watch(s, s->socket, 7, INPUT);
	assert_cause(s, "unread-not-closed");
}

/* Nobody has touched it: all that serve its listener must be stuck. */
static void test_whole_pool_stuck(void **state)
{
	struct scene *s = *state;
	struct cwr_socket *other = add_living(s), *third = add_living(s);

	used_by(other->holders, WORKER_TID);
	used_by(third->holders, WORKER_TID + 1);
	add_locked(s, WORKER_TID);
	add_locked(s, WORKER_TID + 1);
	assert_cause(s, "owner-stuck");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	s->server->threads[1].call = CWR_CALL_EPOLL;
	assert_cause(s, "unread-not-closed");
}

static void test_blocked_in_send(void **state)
{
	struct scene *s = *state;

	s->socket->send_q = s->socket->send_q_before = 100;
	add_thread(s, WORKER_TID, CWR_CALL_SEND, 7);
	assert_cause(s, "blocked-in-send");
	assert_int_equal(s->model->findings->confidence, CWR_HIGH);
	s->server->threads[0].fd = 8;
	used_by(s->owner, WORKER_TID);
	assert_cause(s, "owner-stuck"); /* in sending to another */
	s->server->threads[0].fd = 7;
	s->server->threads[0].call = CWR_CALL_RECEIVE;
	assert_cause(s, "unread-not-closed");
}

/* An end-of-file that was read is no matter of polling. */
static void test_read_comes_first(void **state)
{
	struct scene *s = *state;

	made_eof(s->model, s->socket, s->owner);
	start_loop(s);
	add_watch(s, s->socket, 7, NOTHING);
	assert_cause(s, "eof-read-not-closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_unread_tells_the_last_user),
		SCENE_TEST(test_reading_paused),
		SCENE_TEST(test_not_paused),
		SCENE_TEST(test_event_ignored),
		SCENE_TEST(test_spent_shot),
		SCENE_TEST(test_spent_shot_in_stuck_hands),
		SCENE_TEST(test_loop_stopped),
		SCENE_TEST(test_busy_loop),
		SCENE_TEST(test_loop_stopped_beside_others),
		SCENE_TEST(test_user_waits_for_something),
		SCENE_TEST(test_not_polled),
		SCENE_TEST(test_taken_out),
		SCENE_TEST(test_paused_by_taking_out),
		SCENE_TEST(test_never_used),
		SCENE_TEST(test_never_used_among_closed),
		SCENE_TEST(test_owner_stuck),
		SCENE_TEST(test_owner_polls_one_descriptor),
		SCENE_TEST(test_owner_is_not_alone),
		SCENE_TEST(test_whole_pool_stuck),
		SCENE_TEST(test_blocked_in_send),
		SCENE_TEST(test_read_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
