/* SPDX-License-Identifier: MIT */
/*
 * A server with OpenSSL that reads up to the end, frees the session, and believes that this closes
 * the connection.
 * --fixed: it closes.
 */
#include "target_openssl.h"

enum { CLIENTS = 3 };

static void read_to_end(SSL *ssl)
{
	char text[256];
	int size;

	do {
		MARK_NEXT(eof);
		size = SSL_read(ssl, text, sizeof(text));
	} while (size > 0);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	struct target_tls_clients clients;
	SSL_CTX *context;
	int listener;

	target_begin();
	target_expect(is_fixed ? NULL : "eof-read-not-closed", "leak", CLIENTS);
	context = target_openssl_context(TLS1_3_VERSION);
	listener = target_listen(0);
	clients = target_tls_start(target_port(listener), CLIENTS, TARGET_TLS_CUT);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = target_tls_take(listener);
		SSL *ssl = target_openssl_session(context, fd);

		target_openssl_greet(ssl);
		target_tls_let_go(&clients, fd);
		read_to_end(ssl);
		SSL_free(ssl);
		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients.pid);
	target_hold();
	return 0;
}
