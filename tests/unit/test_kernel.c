/* SPDX-License-Identifier: MIT */
/*
 * The kernel's testimony, on real connections of this very process and of a forked child.
 */
#include "kernel_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

static void hang_up(struct fixture *f)
{
	struct pollfd server = {.fd = f->server, .events = POLLRDHUP};

	assert_int_equal(shutdown(f->client, SHUT_WR), 0);
	assert_int_equal(poll(&server, 1, 10000), 1);
}

static void test_an_open_connection_is_in_use(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);

	observe(f);
	assert_true(f->self->is_alive);
	assert_true(socket->is_confirmed);
	assert_int_equal(socket->state, CWR_TCP_ESTABLISHED);
	assert_false(socket->peer_has_closed);
	assert_int_equal(socket->eof, CWR_EOF_NONE);
	assert_true(socket->fin_age_s < 0);
	assert_true(socket->inode != 0);
}

static void test_close_on_exec_is_asked_if_wanted(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);

	observe(f);
	assert_int_equal(socket->holders->cloexec, -1);
	f->model->policy.wants_cloexec = true;
	observe(f);
	assert_int_equal(socket->holders->cloexec, 0);
	assert_int_equal(fcntl(f->server, F_SETFD, FD_CLOEXEC), 0);
	hang_up(f);
	observe(f);
	assert_int_equal(socket->holders->cloexec, 1);
}

/* Of so many some are asked; if what was recorded is wrong of one, all are. */
static void test_close_on_exec_of_many_is_asked_of_all_if_one_is_wrong(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	enum { MANY = 2500 };
	int fds[MANY];

	for (size_t i = 0; i < MANY; i++) {
		struct cwr_holder *holder;

		fds[i] = fcntl(f->server, F_DUPFD_CLOEXEC, 0);
		assert_true(fds[i] >= 0);
		holder = cwr_model_add_holder(f->model, socket, f->self, fds[i]);
		holder->is_open = true;
		holder->cloexec = 0;
	}
	f->model->policy.wants_cloexec = true;
	hang_up(f);
	observe(f);
	for (const struct cwr_holder *h = socket->holders; h; h = h->next)
		assert_int_equal(h->cloexec, h->fd != f->server);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
}

static void test_an_end_of_file_that_nobody_read_is_pending(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);

	assert_int_equal(write(f->client, "hello", 5), 5);
	hang_up(f);
	observe(f);
	assert_int_equal(socket->state, CWR_TCP_CLOSE_WAIT);
	assert_true(socket->peer_has_closed);
	assert_int_equal(socket->recv_q, 6);
	assert_int_equal(socket->eof, CWR_EOF_PENDING);
	assert_true(socket->fin_age_s >= 0 && socket->fin_age_s < 60);
	assert_true(socket->has_tcp_bytes);
	assert_int_equal(socket->bytes_received, 5);
	assert_int_equal(socket->bytes_sent, 0);
}

static void test_an_end_of_file_taken_with_the_data_is_swallowed(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);
	char text[16];

	assert_int_equal(write(f->client, "hello", 5), 5);
	hang_up(f);
	assert_int_equal(recv(f->server, text, sizeof(text), 0), 5);
	observe(f);
	assert_int_equal(socket->recv_q, 0);
	assert_int_equal(socket->eof, CWR_EOF_SWALLOWED);
}

static void answer(struct fixture *f, const char *text)
{
	char got[16];
	ssize_t size = (ssize_t)strlen(text);

	assert_int_equal(write(f->client, text, (size_t)size), size);
	assert_int_equal(recv(f->server, got, sizeof(got), 0), size);
	assert_int_equal(write(f->server, got, (size_t)size), size);
	assert_int_equal(recv(f->client, got, (size_t)size, MSG_WAITALL), size);
}

/* All had been answered, so the end-of-file came alone, and somebody got 0 for it. */
static void test_an_end_of_file_after_the_answer_was_read_unseen(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	char byte;

	answer(f, "hello");
	hang_up(f);
	observe(f);
	assert_int_equal(socket->eof, CWR_EOF_PENDING);
	assert_int_equal(read(f->server, &byte, 1), 0);
	observe(f);
	assert_int_equal(socket->eof, CWR_EOF_READ);
	socket->holders->last_use.op = "write";
	observe(f);
	assert_int_equal(socket->eof, CWR_EOF_READ);
	socket->holders->last_use.op = "recv"; /* reads are seen, and none returned 0 */
	observe(f);
	assert_int_equal(socket->eof, CWR_EOF_SWALLOWED);
}

/* What came after the answer may have been taken together with the end-of-file. */
static void test_an_end_of_file_after_more_data_is_swallowed(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);
	char text[16];

	answer(f, "hello");
	poll(NULL, 0, 50); /* the kernel's ages are as coarse as its tick */
	assert_int_equal(write(f->client, "bye", 3), 3);
	hang_up(f);
	assert_int_equal(recv(f->server, text, sizeof(text), 0), 3);
	observe(f);
	assert_int_equal(socket->eof, CWR_EOF_SWALLOWED);
}

/* It came unasked, long after the answer, and together with the end. */
static void test_what_a_server_says_at_the_end_is_a_goodbye(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);

	answer(f, "hello");
	socket->holders->last_use.op = "recv";
	poll(NULL, 0, 400);
	assert_int_equal(write(f->client, "bye", 3), 3);
	hang_up(f);
	observe(f);
	assert_true(socket->has_goodbye);
	assert_true(socket->idle_s >= 0.35);
	socket->holders->last_use.op = "send"; /* asked for */
	observe(f);
	assert_false(socket->has_goodbye);
}

static void test_an_end_of_file_on_record_was_read(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);
	char byte;

	hang_up(f);
	assert_int_equal(read(f->server, &byte, 1), 0);
	socket->holders->eof.t = cwr_proc_now(CLOCK_MONOTONIC) - 5000000000;
	observe(f);
	assert_int_equal(socket->eof, CWR_EOF_READ);
	assert_true(socket->fin_age_s >= 5);
}

static void test_a_descriptor_that_became_another_socket_is_closed(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);

	assert_int_equal(dup2(f->client, f->server), f->server);
	observe(f);
	assert_false(socket->holders->is_open);
	assert_false(socket->is_confirmed);
}

static void test_a_descriptor_closed_unseen_is_closed(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);

	close(f->server);
	observe(f);
	assert_false(socket->holders->is_open);
	assert_false(socket->is_confirmed);
	assert_int_equal(socket->state, CWR_TCP_UNKNOWN);
	f->server = -1;
}

static void test_a_reset_connection_is_still_held(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);
	const struct linger abort = {1, 0};
	char byte;

	assert_int_equal(setsockopt(f->client, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)), 0);
	close(f->client);
	f->client = -1;
	assert_int_equal(read(f->server, &byte, 1), -1);
	observe(f);
	assert_int_equal(socket->state, CWR_TCP_CLOSE);
	assert_true(socket->is_confirmed);
	assert_true(socket->peer_has_closed);
}

static void test_a_socket_never_connected_has_no_peer_to_close(void **state)
{
	struct fixture *f = *state;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct cwr_socket *socket = cwr_model_add_socket(f->model, cookie_of(fd));

	socket->role = CWR_ROLE_SOCKET;
	cwr_model_add_holder(f->model, socket, f->self, fd)->is_open = true;
	observe(f);
	assert_int_equal(socket->state, CWR_TCP_CLOSE);
	assert_true(socket->is_confirmed);
	assert_false(socket->peer_has_closed);
	close(fd);
}

static void test_a_socket_unknown_to_the_session_is_found(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket;
	char text[64];

	hang_up(f);
	observe(f);
	socket = cwr_model_find_socket(f->model, f->cookie);
	assert_non_null(socket);
	assert_int_equal(socket->role, CWR_ROLE_UNKNOWN);
	assert_int_equal(socket->holders->via, CWR_VIA_UNKNOWN);
	assert_int_equal(socket->holders->fd, f->server);
	assert_true(socket->is_confirmed && socket->peer_has_closed);
	assert_non_null(cwr_addr_format(&socket->peer, text, sizeof(text)));
	assert_null(socket->holders->next);
}

/* Made and ended after the kernel was asked: the sessions that are read then cannot lag behind. */
static void test_a_socket_younger_than_the_list_is_not_unknown(void **state)
{
	struct fixture *f = *state;
	struct cwr_kernel_list *list;

	close(f->server);
	close(f->client);
	close(f->listener);
	list = cwr_kernel_list();
	connect_pair(f);
	hang_up(f);
	assert_null(cwr_kernel_observe(f->model, list));
	assert_null(cwr_model_find_socket(f->model, f->cookie));
	cwr_kernel_list_free(list);
	observe(f);
	assert_non_null(cwr_model_find_socket(f->model, f->cookie));
}

static void test_a_child_that_is_gone_has_ended(void **state)
{
	struct fixture *f = *state;
	struct cwr_fork record = {.seq = 1};

	fork_child(f);
	record.child = f->child;
	record.mark.t = cwr_proc_now(CLOCK_MONOTONIC);
	end_child(f);
	f->self->forks = &record;
	f->self->nforks = 1;
	observe(f);
	assert_true(record.child_ended);
}

static void test_a_number_with_another_start_is_another_process(void **state)
{
	struct fixture *f = *state;
	const struct cwr_socket *socket = add_server_socket(f);

	f->self->start_ticks--;
	observe(f);
	assert_false(f->self->is_alive);
	assert_int_equal(f->self->end, CWR_END_UNKNOWN);
	assert_false(socket->is_confirmed);
	assert_true(socket->holders->is_open);
}

/* After a kill only the history speaks. */
static void test_of_a_dead_process_history_speaks(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);

	close(f->server);
	f->server = -1;
	f->self->start_ticks--;
	socket->holders->eof.t = 5000;
	socket->holders->probe.t = 4000;
	socket->holders->probe.is_confirmed = true;
	socket->holders->probe.state = CWR_TCP_ESTABLISHED;
	observe(f);
	assert_int_equal(socket->state, CWR_TCP_UNKNOWN);
	assert_true(socket->peer_has_closed);
	assert_int_equal(socket->eof, CWR_EOF_READ);
	assert_false(socket->is_confirmed);
	assert_true(socket->holders->is_open);
}

static void test_the_last_word_before_the_end_counts(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *socket = add_server_socket(f);

	close(f->server);
	f->server = -1;
	f->self->start_ticks--;
	f->self->t_exit = 9000;
	f->self->end = CWR_END_EXITED;
	socket->holders->probe = (struct cwr_probe){
		.t = 9001,
		.is_confirmed = true,
		.fin_seen = true,
		.cloexec = 1,
		.state = CWR_TCP_CLOSE_WAIT,
		.fin_age_s = 11,
		.recv_q = 1,
		.unread = 0,
		.unsent = 3,
	};
	observe(f);
	assert_int_equal(f->self->end, CWR_END_EXITED);
	assert_true(socket->is_confirmed && socket->peer_has_closed);
	assert_int_equal(socket->state, CWR_TCP_CLOSE_WAIT);
	assert_int_equal(socket->eof, CWR_EOF_PENDING);
	assert_int_equal(socket->send_q, 3);
	assert_float_equal(socket->fin_age_s, 11, 1e-6);
	assert_int_equal(socket->holders->cloexec, 1);
}

static void test_threads_of_leaking_processes_are_read(void **state)
{
	struct fixture *f = *state;

	add_server_socket(f);
	hang_up(f);
	observe(f);
	assert_int_equal(f->self->nthreads, 1);
	assert_int_equal(f->self->threads[0].tid, getpid());
}

static void test_each_socket_is_listed_once(void **state)
{
	struct fixture *f = *state;
	const struct cwr_diag_row *row;
	struct cwr_diag *diag;

	assert_null(cwr_diag_read(&diag));
	row = cwr_diag_by_cookie(diag, f->cookie);
	assert_non_null(row);
	assert_ptr_equal(cwr_diag_by_inode(diag, row->inode), row);
	row = cwr_diag_by_cookie(diag, cookie_of(f->listener));
	assert_int_equal(row->state, CWR_TCP_LISTEN);
	cwr_diag_free(diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_an_open_connection_is_in_use),
		CASE(test_close_on_exec_is_asked_if_wanted),
		CASE(test_close_on_exec_of_many_is_asked_of_all_if_one_is_wrong),
		CASE(test_an_end_of_file_that_nobody_read_is_pending),
		CASE(test_an_end_of_file_taken_with_the_data_is_swallowed),
		CASE(test_an_end_of_file_after_the_answer_was_read_unseen),
		CASE(test_an_end_of_file_after_more_data_is_swallowed),
		CASE(test_what_a_server_says_at_the_end_is_a_goodbye),
		CASE(test_an_end_of_file_on_record_was_read),
		CASE(test_a_descriptor_that_became_another_socket_is_closed),
		CASE(test_a_descriptor_closed_unseen_is_closed),
		CASE(test_a_reset_connection_is_still_held),
		CASE(test_a_socket_never_connected_has_no_peer_to_close),
		CASE(test_a_socket_unknown_to_the_session_is_found),
		CASE(test_a_socket_younger_than_the_list_is_not_unknown),
		CASE(test_a_child_that_is_gone_has_ended),
		CASE(test_a_number_with_another_start_is_another_process),
		CASE(test_of_a_dead_process_history_speaks),
		CASE(test_the_last_word_before_the_end_counts),
		CASE(test_threads_of_leaking_processes_are_read),
		CASE(test_each_socket_is_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
