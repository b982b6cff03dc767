/* SPDX-License-Identifier: MIT */
/*
 * A server on libmicrohttpd that does not get to the end-of-file of its clients:
 * --shape=suspended: each request is suspended, for an answer that never comes; upgraded: each
 * connection was upgraded to another protocol and never given back.
 * --fixed: answered, or given back, at once.
 */
#include "target_threads.h"

#include <microhttpd.h>

enum { CLIENTS = 3 };

static const struct shape {
	const char *option, *cause, *verdict;
} shapes[] = {
	{"--shape=suspended", "reading-paused", "stall"},
	{"--shape=upgraded", "not-polled", "leak"},
};

static const struct shape *shape;
static bool is_fixed;
static int fds[CLIENTS];
static _Atomic int nserved;

static bool is_shape(const char *name)
{
	return strcmp(shape->option + strlen("--shape="), name) == 0;
}

static void remember(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	TARGET_CHECK(info && nserved < CLIENTS);
	fds[nserved] = info->connect_fd;
}

static void on_upgrade(void *unused, struct MHD_Connection *connection, void *of_request,
		       const char *extra, size_t size, MHD_socket fd,
		       struct MHD_UpgradeResponseHandle *handle)
{
	(void)unused;
	(void)connection;
	(void)of_request;
	(void)extra;
	(void)size;
	(void)fd;
	if (is_fixed)
		MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
	nserved++;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status,
			      struct MHD_Response *response)
{
	enum MHD_Result result = MHD_queue_response(connection, status, response);

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result upgrade(struct MHD_Connection *connection)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(on_upgrade, NULL);

	TARGET_CHECK(response);
	MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, "another");
	return answer(connection, MHD_HTTP_SWITCHING_PROTOCOLS, response);
}

static enum MHD_Result on_request(void *unused, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **of_request)
{
	(void)unused;
	(void)url;
	(void)method;
	(void)version;
	(void)data;
	(void)size;
	(void)of_request;
	remember(connection);
	if (is_shape("upgraded"))
		return upgrade(connection);
	if (!is_fixed) {
		MHD_suspend_connection(connection);
		nserved++;
		return MHD_YES;
	}
	nserved++;
	return answer(connection, MHD_HTTP_NO_CONTENT,
		      MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A client that asks once and hangs up. */
static void ask(int port)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n"
				      "Connection: Upgrade\r\nUpgrade: another\r\n\r\n";
	struct sockaddr_in address = target_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int before = nserved;
	char text[512];

	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	TARGET_CHECK(write(fd, request, sizeof(request) - 1) == sizeof(request) - 1);
	while (nserved == before)
		target_pause();
	if (is_fixed || is_shape("upgraded"))
		TARGET_CHECK(read(fd, text, sizeof(text)) > 0);
	close(fd);
	while (is_fixed && is_open(fds[before]))
		target_pause();
	if (!is_fixed)
		target_wait_fin(fds[before]);
}

static void choose(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (target_has_option(argc, argv, shapes[i].option))
			shape = &shapes[i];
	TARGET_CHECK(shape);
	is_fixed = target_has_option(argc, argv, "--fixed");
}

int main(int argc, char **argv)
{
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD;
	struct MHD_Daemon *daemon;

	target_begin();
	choose(argc, argv);
	target_expect(is_fixed ? NULL : shape->cause, shape->verdict, CLIENTS);
	flags |= is_shape("upgraded") ? MHD_ALLOW_UPGRADE : MHD_ALLOW_SUSPEND_RESUME;
	daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL, MHD_OPTION_END);
	TARGET_CHECK(daemon);
	for (int i = 0; i < CLIENTS; i++)
		ask(MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	target_hold();
	return 0;
}
