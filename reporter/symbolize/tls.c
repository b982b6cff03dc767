/* SPDX-License-Identifier: MIT */
/*
 * What a stack is doing in a TLS library, by the names of the functions in it; see tls.h.
 *
 * The names are those that programs call, for libraries are mostly without symbols of what lies
 * below.  In a stack that runs through several of them the innermost one counts.
 */
#include "symbolize/tls.h"

#include <string.h>

#include "model/site.h"
#include "symbolize/known.h"
#include "symbolize/object.h"

struct call {
	const char *name;
	enum cwr_tls phase;
};

/*
 * OpenSSL and its relatives (ssl(7)), GnuTLS, Mbed TLS, NSS (ssl.h), wolfSSL, s2n.
 * Reading early data is a part of the handshake.
 */
static const struct call calls[] = {
	{"SSL_accept", CWR_TLS_HANDSHAKE},
	{"SSL_connect", CWR_TLS_HANDSHAKE},
	{"SSL_do_handshake", CWR_TLS_HANDSHAKE},
	{"SSL_stateless", CWR_TLS_HANDSHAKE},
	{"SSL_read_early_data", CWR_TLS_HANDSHAKE},
	{"ossl_statem_accept", CWR_TLS_HANDSHAKE},
	{"ossl_statem_connect", CWR_TLS_HANDSHAKE},
	{"SSL_shutdown", CWR_TLS_SHUTDOWN},
	{"SSL_read", CWR_TLS_READ},
	{"SSL_read_ex", CWR_TLS_READ},
	{"SSL_peek", CWR_TLS_READ},
	{"SSL_peek_ex", CWR_TLS_READ},
	{"SSL_write", CWR_TLS_WRITE},
	{"SSL_write_ex", CWR_TLS_WRITE},
	{"SSL_sendfile", CWR_TLS_WRITE},
	{"gnutls_handshake", CWR_TLS_HANDSHAKE},
	{"gnutls_bye", CWR_TLS_SHUTDOWN},
	{"gnutls_record_recv", CWR_TLS_READ},
	{"gnutls_record_recv_packet", CWR_TLS_READ},
	{"gnutls_record_recv_seq", CWR_TLS_READ},
	{"gnutls_record_send", CWR_TLS_WRITE},
	{"gnutls_record_send2", CWR_TLS_WRITE},
	{"gnutls_record_uncork", CWR_TLS_WRITE},
	{"mbedtls_ssl_handshake", CWR_TLS_HANDSHAKE},
	{"mbedtls_ssl_handshake_step", CWR_TLS_HANDSHAKE},
	{"mbedtls_ssl_close_notify", CWR_TLS_SHUTDOWN},
	{"mbedtls_ssl_read", CWR_TLS_READ},
	{"mbedtls_ssl_write", CWR_TLS_WRITE},
	{"SSL_ForceHandshake", CWR_TLS_HANDSHAKE},
	{"SSL_ForceHandshakeWithTimeout", CWR_TLS_HANDSHAKE},
	{"wolfSSL_accept", CWR_TLS_HANDSHAKE},
	{"wolfSSL_connect", CWR_TLS_HANDSHAKE},
	{"wolfSSL_negotiate", CWR_TLS_HANDSHAKE},
	{"wolfSSL_shutdown", CWR_TLS_SHUTDOWN},
	{"wolfSSL_read", CWR_TLS_READ},
	{"wolfSSL_write", CWR_TLS_WRITE},
	{"s2n_negotiate", CWR_TLS_HANDSHAKE},
	{"s2n_shutdown", CWR_TLS_SHUTDOWN},
	{"s2n_shutdown_send", CWR_TLS_SHUTDOWN},
	{"s2n_recv", CWR_TLS_READ},
	{"s2n_send", CWR_TLS_WRITE},
};

static const void *find_call(const char *name, size_t length)
{
	/* The first letters of all names above: nearly every symbol ends here. */
	if (!strchr("Sogmws", name[0]))
		return NULL;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strncmp(calls[i].name, name, length) && !calls[i].name[length])
			return &calls[i];
	return NULL;
}

static void set_call(struct cwr_stack *stack, const struct call *call,
		     const struct cwr_module *library)
{
	stack->tls = call->phase;
	stack->tls_call = call->name;
	stack->tls_library = library ? cwr_site_basename(library->path) : NULL;
}

/* The function called from frame i, which lies where the frame below is, else the frame's own. */
static bool look_at(struct cwr_known *known, struct cwr_stack *stack, size_t i)
{
	const struct cwr_process *process = stack->process;
	const uint64_t ip = stack->ips[i];
	const struct cwr_module *module = cwr_object_module_at(process, ip - 1);
	const struct call *call;

	if (!module)
		return false;
	call = cwr_known_called(known, process, module, ip);
	if (call) {
		set_call(stack, call,
			 i ? cwr_object_module_at(process, stack->ips[i - 1] - 1) : module);
		return true;
	}
	call = cwr_known_around(known, process, module, ip);
	if (call)
		set_call(stack, call, module);
	return call;
}

static void look_through(struct cwr_known *known, struct cwr_stack *stack)
{
	size_t i = 0;

	if (!stack || stack->tls != CWR_TLS_UNKNOWN || !stack->process)
		return;
	stack->tls = CWR_TLS_NONE;
	while (i < stack->nips && !look_at(known, stack, i))
		i++;
}

void cwr_symbolize_tls_stack(struct cwr_model *model, struct cwr_stack *stack)
{
	struct cwr_known known = {.model = model, .is_wanted = find_call};

	look_through(&known, stack);
	cwr_known_close(&known);
}

void cwr_symbolize_tls(struct cwr_model *model)
{
	struct cwr_known known = {.model = model, .is_wanted = find_call};

	for (struct cwr_socket *s = model->sockets; s; s = s->next)
		for (struct cwr_holder *h = s->holders; h; h = h->next) {
			if (!h->is_open || !(s->peer_has_closed || h->eof.t || h->saw_reset))
				continue;
			look_through(&known, h->eof.stack);
			look_through(&known, h->last_use.stack);
			look_through(&known, h->waited.stack);
		}
	cwr_known_close(&known);
}
