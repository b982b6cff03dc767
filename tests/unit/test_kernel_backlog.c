/* SPDX-License-Identifier: MIT */
/*
 * The kernel's testimony on connections that nobody has accepted.
 */
#include "kernel_fixture.h"

#include <poll.h>

/* A second client comes and goes and is not accepted.  Its cookie is the kernel's own affair. */
static void come_and_go(const struct fixture *f)
{
	struct pollfd waiting = {.fd = f->listener, .events = POLLIN};
	struct sockaddr_in addr;
	socklen_t size = sizeof(addr);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&addr, &size), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&addr, size), 0);
	close(client);
	assert_int_equal(poll(&waiting, 1, 10000), 1);
}

static void test_a_connection_that_waits_to_be_accepted(void **state)
{
	struct fixture *f = *state;
	struct cwr_socket *listener = cwr_model_add_socket(f->model, cookie_of(f->listener));
	struct cwr_holder *holder = cwr_model_add_holder(f->model, listener, f->self, f->listener);
	const struct cwr_socket *waiting = NULL;

	holder->is_open = true;
	listener->role = CWR_ROLE_SOCKET;
	come_and_go(f);
	observe(f);
	assert_int_equal(listener->state, CWR_TCP_LISTEN);
	assert_int_equal(listener->recv_q, 1);
	for (const struct cwr_socket *s = f->model->sockets; s; s = s->next)
		if (s->listener)
			waiting = s;
	assert_non_null(waiting);
	assert_ptr_equal(waiting->listener, listener);
	assert_null(waiting->holders);
	assert_true(waiting->peer_has_closed && waiting->is_confirmed);
}

static void test_a_queue_of_somebody_else_is_none_of_ours(void **state)
{
	struct fixture *f = *state;

	come_and_go(f);
	observe(f);
	for (const struct cwr_socket *s = f->model->sockets; s; s = s->next)
		assert_null(s->listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_connection_that_waits_to_be_accepted),
		CASE(test_a_queue_of_somebody_else_is_none_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
