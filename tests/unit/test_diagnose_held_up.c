/* SPDX-License-Identifier: MIT */
/*
 * A thread that sleeps, or waits for a program, with a client's socket in its hands, on made
 * models; and those of which that says nothing.
 */
#include "made_scene.h"

enum { EPOLL_FD = 3, WORKER_TID = 4244 };

/* The thread that used the socket last. */
static struct cwr_thread *add_user(struct scene *s, pid_t tid, enum cwr_call call)
{
	struct cwr_thread *thread = cwr_model_alloc(s->model, sizeof(*thread));

	*thread = (struct cwr_thread){
		.tid = tid, .known = true, .call = call, .fd = -1, .is_still = true};
	s->server->threads = thread;
	s->server->nthreads = 1;
	s->server->watches_known = true;
	s->model->still_s = 1;
	s->owner->last_use = (struct cwr_mark){
		.pid = s->server->pid, .tid = tid, .fd = s->owner->fd, .op = "recv"};
	return thread;
}

static struct cwr_thread *add_sleeper(struct scene *s, double seconds)
{
	struct cwr_thread *thread = add_user(s, WORKER_TID, CWR_CALL_SLEEP);

	thread->sleep_s = seconds;
	return thread;
}

static void test_long_sleep(void **state)
{
	struct scene *s = *state;

	add_sleeper(s, 600);
	assert_cause(s, "owner-stuck");
	assert_int_equal(s->model->findings->confidence, CWR_MEDIUM);
	assert_non_null(strstr(s->model->findings->explanation, "sleeps"));
}

/* A loop that looks now and then; one that was not seen in the same sleep twice. */
static void test_short_sleep(void **state)
{
	struct scene *s = *state;
	struct cwr_thread *thread = add_sleeper(s, 1);

	assert_cause(s, "unread-not-closed");
	thread->sleep_s = 0; /* not known */
	assert_cause(s, "unread-not-closed");
	thread->sleep_s = 600;
	thread->is_still = false;
	assert_cause(s, "unread-not-closed");
}

static void test_waiting_for_a_program(void **state)
{
	struct scene *s = *state;

	add_user(s, WORKER_TID, CWR_CALL_CHILD);
	assert_cause(s, "owner-stuck");
	assert_non_null(strstr(s->model->findings->explanation, "waits for a child process"));
}

/* It may do so for ever while others work. */
static void test_main_thread(void **state)
{
	struct scene *s = *state;

	add_user(s, s->server->pid, CWR_CALL_CHILD);
	assert_cause(s, "unread-not-closed");
	assert_non_null(strstr(s->model->findings->explanation, "now waits for a child process"));
}

/* What a loop polls waits for the loop, unless it was told once and will not be again. */
static void test_handler_of_a_loop(void **state)
{
	struct scene *s = *state;
	struct cwr_watch watch = {.epfd = EPOLL_FD, .fd = s->owner->fd, .wants_input = true};

	add_sleeper(s, 600);
	s->server->watches = &watch;
	s->server->nwatches = 1;
	assert_cause(s, "loop-stopped");
	watch.is_edge_triggered = true;
	assert_cause(s, "owner-stuck");
}

/* A client that asks now and then. */
static void test_client(void **state)
{
	struct scene *s = *state;

	add_sleeper(s, 600);
	s->socket->role = CWR_ROLE_CONNECTED;
	assert_string_not_equal(diagnose(s)->cause, "owner-stuck");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_long_sleep),
		SCENE_TEST(test_short_sleep),
		SCENE_TEST(test_waiting_for_a_program),
		SCENE_TEST(test_main_thread),
		SCENE_TEST(test_handler_of_a_loop),
		SCENE_TEST(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
