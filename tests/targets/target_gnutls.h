/* SPDX-License-Identifier: MIT */
/*
 * For targets that serve TLS with GnuTLS.
 */
#ifndef CWSHIM_TARGET_GNUTLS_H
#define CWSHIM_TARGET_GNUTLS_H

#include "target_tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <time.h>

/* With a certificate that nobody checks. */
static inline gnutls_certificate_credentials_t target_gnutls_credentials(void)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t certificate;

	TARGET_CHECK(gnutls_x509_privkey_init(&key) == 0);
	TARGET_CHECK(gnutls_x509_privkey_generate(key, GNUTLS_PK_EC,
						  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
						  0) == 0);
	TARGET_CHECK(gnutls_x509_crt_init(&certificate) == 0);
	gnutls_x509_crt_set_version(certificate, 3);
	gnutls_x509_crt_set_serial(certificate, "\1", 1);
	gnutls_x509_crt_set_activation_time(certificate, time(NULL));
	gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600);
	gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, "localhost", 9);
	gnutls_x509_crt_set_key(certificate, key);
	TARGET_CHECK(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0) ==
		     0);
	TARGET_CHECK(gnutls_certificate_allocate_credentials(&credentials) == 0);
	TARGET_CHECK(gnutls_certificate_set_x509_key(credentials, &certificate, 1, key) == 0);
	signal(SIGPIPE, SIG_IGN);
	return credentials;
}

static inline gnutls_session_t target_gnutls_session(gnutls_certificate_credentials_t credentials,
						     int fd)
{
	gnutls_session_t session;

	TARGET_CHECK(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK) == 0);
	TARGET_CHECK(gnutls_set_default_priority(session) == 0);
	TARGET_CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) == 0);
	gnutls_transport_set_int(session, fd);
	return session;
}

#endif
