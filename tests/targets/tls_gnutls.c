/* SPDX-License-Identifier: MIT */
/*
 * A server with GnuTLS that takes the end of the TLS session for the end of the connection:
 * --shape=first: it ends the session first; cut: it waits for the client, which hangs up without a
 * word.
 * --fixed: it closes.
 */
#include "target_gnutls.h"

enum { CLIENTS = 3 };

static void greet(gnutls_session_t session)
{
	char text[256];
	int status;

	do
		status = gnutls_handshake(session);
	while (status < 0 && !gnutls_error_is_fatal(status));
	TARGET_CHECK(status == 0);
	TARGET_CHECK(gnutls_record_recv(session, text, sizeof(text)) == 5);
}

static void say_goodbye(gnutls_session_t session, gnutls_close_request_t how)
{
	int status;

	do {
		MARK_NEXT(shutdown);
		status = gnutls_bye(session, how);
	} while (status == GNUTLS_E_INTERRUPTED);
	gnutls_deinit(session);
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	bool is_cut = target_has_option(argc, argv, "--shape=cut");
	gnutls_certificate_credentials_t credentials;
	struct target_tls_clients clients;
	int listener;

	target_begin();
	TARGET_CHECK(is_cut || target_has_option(argc, argv, "--shape=first"));
	target_expect(is_fixed ? NULL : "tls-not-closed", "leak", CLIENTS);
	credentials = target_gnutls_credentials();
	listener = target_listen(0);
	clients = target_tls_start(target_port(listener), CLIENTS,
				   is_cut ? TARGET_TLS_CUT : TARGET_TLS_TALK);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = target_tls_take(listener);
		gnutls_session_t session = target_gnutls_session(credentials, fd);

		greet(session);
		if (is_cut)
			target_tls_let_go(&clients, fd);
		say_goodbye(session, is_cut ? GNUTLS_SHUT_RDWR : GNUTLS_SHUT_WR);
		target_wait_fin(fd);
		if (is_fixed)
			close(fd);
	}
	target_end_clients(clients.pid);
	target_hold();
	return 0;
}
