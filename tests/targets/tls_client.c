/* SPDX-License-Identifier: MIT */
/*
 * The clients of the targets that serve TLS (target_tls.h): tls_client PORT COUNT MANNER WAIT-FD.
 */
#include "target_tls.h"

#include <openssl/ssl.h>

static int wait_fd;

static int dial(int port)
{
	struct sockaddr_in address = target_address(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	TARGET_CHECK(fd >= 0);
	TARGET_CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static void wait_for_word(void)
{
	char byte;

	TARGET_CHECK(read(wait_fd, &byte, 1) == 1);
}

/* All that the server has sent: what is left unread would make a reset of our end. */
static void drain(int fd)
{
	char text[4096];

	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

/* The first flight, put together in memory. */
static void send_hello(SSL *ssl, int fd)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long size;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_connect(ssl);
	size = BIO_get_mem_data(out, &data);
	TARGET_CHECK(size > 0 && write(fd, data, (size_t)size) == size);
}

static void converse(SSL *ssl, int fd, const char *manner)
{
	char text[256];

	TARGET_CHECK(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
	TARGET_CHECK(SSL_write(ssl, "hello", 5) == 5);
	if (strcmp(manner, TARGET_TLS_TALK) == 0)
		while (SSL_read(ssl, text, sizeof(text)) > 0)
			;
	else
		wait_for_word();
	if (strcmp(manner, TARGET_TLS_CUT) != 0)
		SSL_shutdown(ssl);
}

static void be_client(SSL_CTX *context, int port, const char *manner)
{
	SSL *ssl = SSL_new(context);
	int fd = dial(port);

	TARGET_CHECK(ssl);
	if (strcmp(manner, TARGET_TLS_BITS) == 0) {
		TARGET_CHECK(write(fd, "\x16\x03\x01", 3) == 3);
		wait_for_word();
	} else if (strcmp(manner, TARGET_TLS_HELLO) == 0) {
		send_hello(ssl, fd);
		wait_for_word();
	} else {
		converse(ssl, fd, manner);
	}
	drain(fd);
	close(fd);
	SSL_free(ssl);
}

int main(int argc, char **argv)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	alarm(TARGET_DEADLINE_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	TARGET_CHECK(argc == 5 && context);
	/* Also of a server without a certificate. */
	TARGET_CHECK(SSL_CTX_set_cipher_list(context, "ALL:aNULL:@SECLEVEL=0") == 1);
	wait_fd = atoi(argv[4]);
	for (int i = 0; i < atoi(argv[2]); i++)
		be_client(context, atoi(argv[1]), argv[3]);
	SSL_CTX_free(context);
	return 0;
}
