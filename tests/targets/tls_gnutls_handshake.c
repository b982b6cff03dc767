/* SPDX-License-Identifier: MIT */
/*
 * A server with GnuTLS that starts a handshake, is told to come again when more has come, and
 * never does: --shape=bits: three bytes had come; hello: the first flight.
 * --fixed: it gives up and closes.
 */
#include "target_gnutls.h"

enum { CLIENTS = 3 };

static void start_handshake(gnutls_session_t session)
{
	int status;

	MARK_NEXT(last_use);
	status = gnutls_handshake(session);
	TARGET_CHECK(status == GNUTLS_E_AGAIN);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_hello = target_has_option(argc, argv, "--shape=hello");
	gnutls_certificate_credentials_t credentials;
	struct target_tls_clients clients;
	int listener;

	target_begin();
	TARGET_CHECK(is_hello || target_has_option(argc, argv, "--shape=bits"));
	target_expect(is_fixed ? NULL : "tls-handshake-stalled", "stall", CLIENTS);
	credentials = target_gnutls_credentials();
	listener = target_listen(0);
	clients = target_tls_start(target_port(listener), CLIENTS,
				   is_hello ? TARGET_TLS_HELLO : TARGET_TLS_BITS);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = target_tls_take(listener);
		gnutls_session_t session = target_gnutls_session(credentials, fd);

		target_tls_be_impatient(fd);
		start_handshake(session);
		target_tls_let_go(&clients, fd);
		if (is_fixed) {
			gnutls_deinit(session);
			close(fd);
		}
	}
	target_end_clients(clients.pid);
	target_hold();
	return 0;
}
