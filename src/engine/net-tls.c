/* engine/net-tls.c: TLS 1.2 and newer with full verification, and sentences about certificates */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>

#include "src/engine/net-priv.h"
#include "surel/text.h"

static bool
is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static const char *
tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "unknown TLS error";
}

/* ---- words about a certificate ---- */

static char *
name_text(const X509_NAME *name)
{
	char text[256] = "";
	int size = X509_NAME_get_text_by_NID((X509_NAME *)name, NID_commonName, text, sizeof text);

	if (size <= 0)
		size = X509_NAME_get_text_by_NID((X509_NAME *)name, NID_organizationName, text, sizeof text);
	return size > 0 ? text_clean(text, size, false) : g_strdup("no name");
}

static char *
time_text(const ASN1_TIME *when)
{
	struct tm tm;

	if (!when || ASN1_TIME_to_tm(when, &tm) != 1)
		return g_strdup("an unreadable date");
	return g_strdup_printf("%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* The host names a certificate is for: at most five. */
static char *
names_text(X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	int count = names ? sk_GENERAL_NAME_num(names) : 0;

	for (int i = 0; i < count && i < 5; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char address[INET6_ADDRSTRLEN] = "";

		if (name->type == GEN_DNS) {
			g_autofree char *clean = text_clean((const char *)ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName), false);
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", clean);
		} else if (name->type == GEN_IPADD) {
			int size = ASN1_STRING_length(name->d.iPAddress);
			if (size == 4 || size == 16)
				inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address, sizeof address);
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", address);
		}
	}
	if (count > 5)
		g_string_append(text, ", ...");
	if (names)
		GENERAL_NAMES_free(names);
	return text->len ? g_strdup(text->str) : name_text(X509_get_subject_name(cert));
}

static char *
fingerprint_text(X509 *cert)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	GString *text = g_string_new(NULL);

	if (X509_digest(cert, EVP_sha256(), digest, &size) != 1)
		size = 0;
	for (unsigned i = 0; i < MIN(size, 16u); i++)
		g_string_append_printf(text, "%02x", digest[i]);
	return g_string_free(text, FALSE);
}

static bool
cert_fail(Net *net)
{
	X509 *cert = net->bad_cert, *leaf = net->bad_leaf;

	if (!cert || !leaf)
		return net_break(net, ERROR_CERT, "%s: the certificate is not trusted", net->where);
	g_autofree char *names = names_text(leaf), *issuer = name_text(X509_get_issuer_name(cert));
	g_autofree char *print = fingerprint_text(cert), *subject = name_text(X509_get_subject_name(cert));
	g_autofree char *from = time_text(X509_get0_notBefore(cert)), *until = time_text(X509_get0_notAfter(cert));
	switch (net->bad_reason) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return net_break(net, ERROR_CERT, "%s: the certificate of %s expired on %s; the server's owner must renew it (is this computer's date right?)", net->where, subject, until);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return net_break(net, ERROR_CERT, "%s: the certificate of %s is not valid before %s; check this computer's date", net->where, subject, from);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return net_break(net, ERROR_CERT, "%s: the certificate is for %s, not for %s; correct the host name, or this is another server", net->where, names, net->host);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_CERT_UNTRUSTED:
		return net_break(net, ERROR_CERT, "%s: the certificate of %s is signed by an unknown authority, \"%s\" (SHA-256 %s...); if it is yours, set ca_file", net->where, subject, issuer, print);
	default:
		return net_break(net, ERROR_CERT, "%s: the certificate of %s is not trusted: %s", net->where, subject, X509_verify_cert_error_string(net->bad_reason));
	}
}

/* OpenSSL forgets the certificate of a failed handshake: keep the first one that was found wanting. */
static int
verify_note(int fine, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	Net *net = SSL_get_app_data(ssl);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx), *leaf = X509_STORE_CTX_get0_cert(ctx);

	if (fine || net->bad_leaf || !leaf)
		return fine;
	if (!cert)
		cert = leaf;
	X509_up_ref(cert);
	X509_up_ref(leaf);
	net->bad_cert = cert;
	net->bad_leaf = leaf;
	net->bad_reason = X509_STORE_CTX_get_error(ctx);
	return fine;
}

bool
net_tls_prepare(Net *net, const char *ca_file)
{
	net->ctx = SSL_CTX_new(TLS_client_method());
	if (!net->ctx)
		return net_break(net, ERROR_IO, "cannot set up TLS: %s", tls_reason());
	SSL_CTX_set_min_proto_version(net->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(net->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(net->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(net->ctx, SSL_VERIFY_PEER, verify_note);
	if (SSL_CTX_set_default_verify_paths(net->ctx) != 1)
		log_warn(LOG_NET, "the system's certificates cannot be read");
	if (ca_file && SSL_CTX_load_verify_locations(net->ctx, ca_file, NULL) != 1)
		return net_break(net, ERROR_CONFIG, "ca_file %s cannot be read as PEM certificates: %s", ca_file, tls_reason());
	ERR_clear_error();
	return true;
}

static bool
tls_name(Net *net)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(net->ssl);

	if (is_address(net->host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, net->host) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(net->ssl, net->host) == 1 && SSL_set1_host(net->ssl, net->host) == 1;
}

static bool
handshake_fail(Net *net, int kind)
{
	unsigned long code = ERR_peek_last_error();

	if (net->failure)
		return false;
	if (net->bad_leaf || ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return cert_fail(net);
	if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
		return net_break(net, ERROR_PROTOCOL, "%s: the server does not speak TLS on this port; check the port, or use +starttls in the URL", net->where);
	if (kind == SSL_ERROR_SYSCALL || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return net_break(net, ERROR_OFFLINE, "%s: the server closed the connection during the TLS handshake", net->where);
	return net_break(net, ERROR_PROTOCOL, "%s: TLS handshake failed: %s", net->where, tls_reason());
}

static bool
handshake_run(Net *net)
{
	for (;;) {
		ERR_clear_error();
		int status = SSL_connect(net->ssl);
		if (status == 1)
			return true;
		int kind = SSL_get_error(net->ssl, status);
		if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
			if (!net_poll(net, kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT))
				return false;
			continue;
		}
		return handshake_fail(net, kind);
	}
}

bool
net_tls_handshake(Net *net)
{
	net->ssl = SSL_new(net->ctx);
	if (!net->ssl || SSL_set_fd(net->ssl, net->fd) != 1)
		return net_break(net, ERROR_IO, "cannot set up TLS: %s", tls_reason());
	SSL_set_app_data(net->ssl, net);
	if (!tls_name(net))
		return net_break(net, ERROR_CONFIG, "%s: not a host name TLS can check", net->host);
	bool fine = handshake_run(net);
	if (fine && SSL_get_verify_result(net->ssl) != X509_V_OK)
		fine = net_break(net, ERROR_CERT, "%s: the certificate is not trusted", net->where);
	net->secure = fine;
	if (!fine) {
		net_report(net, "TLS", VERDICT_FAIL, net->failure->message);
		return false;
	}
	g_autofree char *facts = net_describe(net);
	int days = net_cert_days(net);
	net_report(net, "TLS", days < 14 ? VERDICT_WARN : VERDICT_OK, facts);
	return true;
}

static NetIo
tls_result(Net *net, int status)
{
	int kind = SSL_get_error(net->ssl, status);

	if (kind == SSL_ERROR_WANT_READ)
		return NET_IO_READ;
	if (kind == SSL_ERROR_WANT_WRITE)
		return NET_IO_WRITE;
	if (kind == SSL_ERROR_ZERO_RETURN)
		net_break(net, ERROR_OFFLINE, "%s: the server closed the connection", net->where);
	else if (kind == SSL_ERROR_SYSCALL && errno != 0)
		net_break(net, ERROR_OFFLINE, "%s: connection lost: %s", net->where, g_strerror(errno));
	else if (kind == SSL_ERROR_SYSCALL || ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		net_break(net, ERROR_OFFLINE, "%s: the connection was cut", net->where);
	else
		net_break(net, ERROR_PROTOCOL, "%s: TLS error: %s", net->where, tls_reason());
	return NET_IO_BROKEN;
}

NetIo
net_tls_read(Net *net, void *buffer, size_t size, size_t *ret_size)
{
	ERR_clear_error();
	errno = 0;
	int n = SSL_read(net->ssl, buffer, (int)MIN(size, (size_t)G_MAXINT));
	if (n <= 0)
		return tls_result(net, n);
	*ret_size = (size_t)n;
	return NET_IO_OK;
}

NetIo
net_tls_write(Net *net, const void *bytes, size_t size, size_t *ret_size)
{
	ERR_clear_error();
	errno = 0;
	int n = SSL_write(net->ssl, bytes, (int)MIN(size, (size_t)G_MAXINT));
	if (n <= 0)
		return tls_result(net, n);
	*ret_size = (size_t)n;
	return NET_IO_OK;
}

void
net_tls_close(Net *net)
{
	if (net->ssl && net->secure && !net->failure)
		SSL_shutdown(net->ssl);	/* close_notify; nobody waits for the answer */
	ERR_clear_error();
	SSL_free(net->ssl);
	SSL_CTX_free(net->ctx);
	X509_free(net->bad_cert);
	X509_free(net->bad_leaf);
}

int
net_cert_days(const Net *net)
{
	X509 *cert = net->secure ? SSL_get0_peer_certificate(net->ssl) : NULL;
	int days = -1, seconds = 0;

	if (!cert || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) != 1)
		return -1;
	return days;
}

char *
net_describe(const Net *net)
{
	X509 *cert = net->secure ? SSL_get0_peer_certificate(net->ssl) : NULL;

	if (!cert)
		return g_strdup("not encrypted");
	g_autofree char *names = names_text(cert), *issuer = name_text(X509_get_issuer_name(cert));
	g_autofree char *until = time_text(X509_get0_notAfter(cert));
	return g_strdup_printf("%s, %s, certificate for %s by \"%s\", valid until %s (%d days)", SSL_get_version(net->ssl),
			       SSL_get_cipher_name(net->ssl), names, issuer, until, net_cert_days(net));
}

bool
net_channel_binding(Net *net, uint8_t binding[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";	/* RFC 9266 4.2 */

	return net->secure && SSL_version(net->ssl) == TLS1_3_VERSION &&
	       SSL_export_keying_material(net->ssl, binding, 32, label, sizeof label - 1, NULL, 0, 0) == 1;
}
