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

static int listen_shared(in_port_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = port};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static void hold_listener(struct fixture *f, int fd)
{
	struct cwr_socket *socket = cwr_model_add_socket(f->model, cookie_of(fd));

	socket->role = CWR_ROLE_SOCKET;
	cwr_model_add_holder(f->model, socket, f->self, fd)->is_open = true;
}

static size_t count_waiting(const struct fixture *f)
{
	size_t n = 0;

	for (const struct cwr_socket *s = f->model->sockets; s; s = s->next)
		n += s->listener != NULL;
	return n;
}

/* The kernel spreads connections over listeners of one port, and does not say which got which. */
static void test_a_port_that_another_program_shares(void **state)
{
	struct fixture *f = *state;
	int unshared = f->listener, ours, other, clients = 0;
	struct sockaddr_in addr;
	socklen_t size = sizeof(addr);
	struct pollfd both[2];

	ours = listen_shared(0);
	assert_int_equal(getsockname(ours, (struct sockaddr *)&addr, &size), 0);
	other = listen_shared(addr.sin_port);
	both[0] = (struct pollfd){.fd = ours, .events = POLLIN};
	both[1] = (struct pollfd){.fd = other, .events = POLLIN};
	f->listener = ours;
	while (clients < 60 && poll(both, 2, 0) < 2) {
		int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		assert_int_equal(connect(client, (struct sockaddr *)&addr, size), 0);
		close(client);
		clients++;
	}
	assert_int_equal(poll(both, 2, 10000), 2);
	hold_listener(f, ours);
	observe(f);
	assert_int_equal(count_waiting(f), 0);
	hold_listener(f, other);
	observe(f);
	assert_int_equal(count_waiting(f), clients);
	f->listener = unshared;
	close(ours);
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_connection_that_waits_to_be_accepted),
		CASE(test_a_queue_of_somebody_else_is_none_of_ours),
		CASE(test_a_port_that_another_program_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
