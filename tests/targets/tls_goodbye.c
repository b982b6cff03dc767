/* SPDX-License-Identifier: MIT */
/*
 * A server with OpenSSL that takes the end of the TLS session for the end of the connection:
 * --shape=first: it ends the session first; both: and waits for the client's word; cut: it waits,
 * and the client hangs up without a word; late: the client has hung up, so that its kernel answers
 * with a reset.  --tls=1.2: not the latest version.
 * --fixed: it closes.
 */
#include "target_openssl.h"

enum { CLIENTS = 3 };

static const struct shape {
	const char *option, *manner;
	int calls; /* of SSL_shutdown() */
} shapes[] = {
	{"--shape=first", TARGET_TLS_TALK, 1},
	{"--shape=both", TARGET_TLS_TALK, 2},
	{"--shape=cut", TARGET_TLS_CUT, 2},
	{"--shape=late", TARGET_TLS_BYE, 1},
};

static const struct shape *shape;

static bool is_shape(const char *manner)
{
	return strcmp(shape->manner, manner) == 0;
}

static void say_goodbye(SSL *ssl, int fd, const struct target_tls_clients *clients)
{
	for (int i = 0; i < shape->calls; i++) {
		if (i && is_shape(TARGET_TLS_CUT))
			target_tls_let_go(clients, fd);
		MARK_NEXT(shutdown);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

static int serve(SSL_CTX *context, int listener, const struct target_tls_clients *clients)
{
	int fd = target_tls_take(listener);
	SSL *ssl = target_openssl_session(context, fd);
	char byte;

	target_openssl_greet(ssl);
	if (is_shape(TARGET_TLS_BYE)) {
		target_tls_let_go(clients, fd);
		TARGET_CHECK(SSL_read(ssl, &byte, 1) == 0);
	}
	say_goodbye(ssl, fd, clients);
	target_wait_fin(fd);
	return fd;
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_older = target_has_option(argc, argv, "--tls=1.2");
	struct target_tls_clients clients;
	SSL_CTX *context;
	int listener;

	target_begin();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (target_has_option(argc, argv, shapes[i].option))
			shape = &shapes[i];
	TARGET_CHECK(shape);
	target_expect(is_fixed ? NULL : "tls-not-closed", "leak", CLIENTS);
	context = target_openssl_context(is_older ? TLS1_2_VERSION : TLS1_3_VERSION);
	listener = target_listen(0);
	clients = target_tls_start(target_port(listener), CLIENTS, shape->manner);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = serve(context, listener, &clients);

		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients.pid);
	target_hold();
	return 0;
}
