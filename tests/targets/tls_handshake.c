/* SPDX-License-Identifier: MIT */
/*
 * A server with OpenSSL that starts a handshake, is told to come again when more has come, and
 * never does: --shape=bits: three bytes had come; hello: the first flight.  --tls=1.2: not the
 * latest version.  Other matters: --shape=done: the handshake was completed, and it is the request
 * that is forgotten; failed: the client hung up in it, and the server was told.
 * --fixed: it gives up and closes.
 */
#include "target_openssl.h"

enum { CLIENTS = 3 };

static const struct shape {
	const char *option, *manner, *cause, *verdict;
	int error; /* of the handshake's last call */
} shapes[] = {
	{"--shape=bits", TARGET_TLS_BITS, "tls-handshake-stalled", "stall", SSL_ERROR_WANT_READ},
	{"--shape=hello", TARGET_TLS_HELLO, "tls-handshake-stalled", "stall", SSL_ERROR_WANT_READ},
	{"--shape=failed", TARGET_TLS_BITS, "eof-read-not-closed", "leak", SSL_ERROR_SSL},
	{"--shape=done", TARGET_TLS_CUT, "unread-not-closed", "leak", SSL_ERROR_NONE},
};

static const struct shape *shape;

static SSL *shake_hands(SSL_CTX *context, int fd)
{
	SSL *ssl = target_openssl_session(context, fd);
	int status, error;

	do {
		target_tls_be_impatient(fd);
		MARK_NEXT(last_use);
		status = SSL_accept(ssl);
		error = SSL_get_error(ssl, status);
	} while (error != shape->error);
	return ssl;
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
	target_expect(is_fixed ? NULL : shape->cause, shape->verdict, CLIENTS);
	context = target_openssl_context(is_older ? TLS1_2_VERSION : TLS1_3_VERSION);
	listener = target_listen(0);
	clients = target_tls_start(target_port(listener), CLIENTS, shape->manner);
	for (int i = 0; i < CLIENTS; i++) {
		bool is_failed = shape->error == SSL_ERROR_SSL;
		int fd = target_tls_take(listener);
		SSL *ssl;

		if (is_failed)
			target_tls_let_go(&clients, fd);
		ssl = shake_hands(context, fd);
		if (!is_failed)
			target_tls_let_go(&clients, fd);
		if (is_fixed) {
			SSL_free(ssl);
			close(fd);
		}
	}
	target_end_clients(clients.pid);
	target_hold();
	return 0;
}
