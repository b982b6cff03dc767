/* SPDX-License-Identifier: MIT */
/*
 * For targets that serve TLS with OpenSSL.
 */
#ifndef CWSHIM_TARGET_OPENSSL_H
#define CWSHIM_TARGET_OPENSSL_H

#include "target_tls.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* With a certificate that nobody checks. */
static inline SSL_CTX *target_openssl_context(int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	TARGET_CHECK(context && key && certificate && X509_set_pubkey(certificate, key) == 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	TARGET_CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
	TARGET_CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
	TARGET_CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
	TARGET_CHECK(SSL_CTX_set_max_proto_version(context, version) == 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	signal(SIGPIPE, SIG_IGN);
	return context;
}

/* A session on that connection, whose end does not close it. */
static inline SSL *target_openssl_session(SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);

	TARGET_CHECK(ssl && SSL_set_fd(ssl, fd) == 1);
	return ssl;
}

/* Up to the client's first words. */
static inline void target_openssl_greet(SSL *ssl)
{
	char text[256];

	TARGET_CHECK(SSL_accept(ssl) == 1);
	TARGET_CHECK(SSL_read(ssl, text, sizeof(text)) == 5);
}

#endif
