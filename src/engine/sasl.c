/* engine/sasl.c: mechanisms of login and their choice, over whatever carries them */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/sasl.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "src/engine/net-priv.h"
#include "src/engine/scram.h"
#include "surel/text.h"

typedef struct Login {
	Net *net;
	const SaslCarrier *carrier;
	const char *host, *user, *secret;
	uint16_t port;
	bool binding_offered;	/* SCRAM-SHA-256-PLUS is on the server's list */
	bool binding_refused;	/* it was tried and the server wanted another kind */
} Login;

static void
wipe(char *text)
{
	if (text)
		OPENSSL_cleanse(text, strlen(text));
	g_free(text);
}

static char *
encode(const char *bytes, size_t size)
{
	return size ? g_base64_encode((const uint8_t *)bytes, size) : g_strdup("");
}

/* The text of a challenge. Bytes that are no base64 are skipped; NUL ends it. Caller frees. */
static char *
decode(const char *challenge)
{
	gsize size = 0;
	g_autofree uint8_t *bytes = g_base64_decode(challenge, &size);

	return g_strndup((const char *)bytes, size);
}

/* First message of a mechanism: with the command where the protocol allows that, else as the answer to an empty challenge.
 * Returns the next challenge; NULL: error, or *ret_done. */
static char *
begin(const Login *login, const char *mechanism, const char *initial, bool *ret_done, GError **error)
{
	const SaslCarrier *carrier = login->carrier;

	if (carrier->initial_response)
		return carrier->start(carrier->data, mechanism, initial, ret_done, error);
	g_autofree char *empty = carrier->start(carrier->data, mechanism, NULL, ret_done, error);
	if (!empty || *ret_done)
		return NULL;
	return carrier->reply(carrier->data, initial, ret_done, error);
}

/* After an error, or a login that went on longer than its mechanism. */
static bool
give_up(const Login *login, const char *why, GError **error)
{
	bool done = false;

	if (error && *error)
		return false;
	g_free(login->carrier->reply(login->carrier->data, "*", &done, NULL));
	return error_set(error, ERROR_AUTH, "%s", why);
}

static bool
login_plain(Login *login, GError **error)
{
	size_t user = strlen(login->user), secret = strlen(login->secret), size = user + secret + 2;
	char *bytes = g_malloc0(size + 1);
	bool done = false;

	memcpy(bytes + 1, login->user, user);
	memcpy(bytes + user + 2, login->secret, secret);
	char *initial = encode(bytes, size);
	OPENSSL_cleanse(bytes, size);
	g_free(bytes);
	g_free(begin(login, "PLAIN", initial, &done, error));
	wipe(initial);
	return done || give_up(login, "the server asks for more than user and password", error);
}

static bool
login_login(Login *login, GError **error)
{
	const SaslCarrier *carrier = login->carrier;
	char *user = encode(login->user, strlen(login->user)), *secret = encode(login->secret, strlen(login->secret));
	bool done = false;
	g_autofree char *ask_user = carrier->start(carrier->data, "LOGIN", NULL, &done, error);
	g_autofree char *ask_secret = ask_user && !done ? carrier->reply(carrier->data, user, &done, error) : NULL;

	if (ask_secret && !done)
		g_free(carrier->reply(carrier->data, secret, &done, error));
	else
		done = false;
	wipe(user);
	wipe(secret);
	return done || give_up(login, "the server asks for more than user and password", error);
}

/* RFC 7628 3.2.3, and Google's form of it: after an error the server explains in JSON and waits for one more line. */
static bool
login_token(Login *login, const char *mechanism, char *text, size_t size, const char *end, GError **error)
{
	char *initial = encode(text, size);
	bool done = false;
	g_autofree char *challenge = begin(login, mechanism, initial, &done, error);

	wipe(initial);
	OPENSSL_cleanse(text, size);
	g_free(text);
	if (done || !challenge)
		return done || give_up(login, "the server broke the login off", error);
	g_autofree char *json = decode(challenge), *clean = text_clean(json, (ssize_t)MIN(strlen(json), (size_t)300), false);
	g_free(login->carrier->reply(login->carrier->data, end, &done, NULL));
	if (done)
		return true;
	return error_set(error, ERROR_AUTH, "the server refused the token (%s); token_command must print a fresh one", clean);
}

static bool
login_xoauth2(Login *login, GError **error)
{
	char *text = g_strdup_printf("user=%s\001auth=Bearer %s\001\001", login->user, login->secret);

	return login_token(login, "XOAUTH2", text, strlen(text), "", error);
}

static bool
login_oauthbearer(Login *login, GError **error)
{
	g_autoptr(GString) name = g_string_new(login->user);

	g_string_replace(name, "=", "=3D", 0);
	g_string_replace(name, ",", "=2C", 0);
	char *text = g_strdup_printf("n,a=%s,\001host=%s\001port=%u\001auth=Bearer %s\001\001", name->str, login->host, login->port, login->secret);
	return login_token(login, "OAUTHBEARER", text, strlen(text), "AQ==", error);
}

static char *
random_nonce(void)
{
	uint8_t bytes[24];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return NULL;
	return g_base64_encode(bytes, sizeof bytes);
}

static bool
scram_dialogue(Login *login, Scram *scram, const char *mechanism, GError **error)
{
	const SaslCarrier *carrier = login->carrier;
	g_autofree char *first = scram_first(scram), *initial = encode(first, strlen(first));
	bool done = false;
	g_autofree char *challenge = begin(login, mechanism, initial, &done, error);

	if (!challenge || done)
		return give_up(login, "the server broke the login off", error);
	g_autofree char *server_first = decode(challenge);
	g_autofree char *final = scram_final(scram, server_first, error);
	if (!final) {
		g_free(carrier->reply(carrier->data, "*", &done, NULL));
		return false;
	}
	g_autofree char *line = encode(final, strlen(final)), *proof = carrier->reply(carrier->data, line, &done, error);
	/* Without its signature the server could be anyone who collects proofs. */
	if (!proof || (done && !*proof))
		return done ? error_set(error, ERROR_AUTH, "the server skipped its own proof (SCRAM)") : give_up(login, "the server broke the login off", error);
	g_autofree char *server_final = decode(proof);
	login->binding_refused = scram_binding_refused(server_final);
	if (!scram_verify(scram, server_final, error)) {
		if (!done)
			g_free(carrier->reply(carrier->data, "*", &done, NULL));
		return false;
	}
	if (!done)
		g_free(carrier->reply(carrier->data, "", &done, error));
	return done || give_up(login, "the server asks for more than SCRAM says", error);
}

static bool
login_scram(Login *login, GError **error)
{
	g_autofree char *nonce = random_nonce();
	uint8_t binding[32];
	bool bound = !login->binding_refused && net_channel_binding(login->net, binding);
	bool plus = bound && login->binding_offered;

	if (!nonce)
		return error_set(error, ERROR_IO, "no random numbers to be had");
	g_autoptr(Scram) scram = scram_new(login->user, login->secret, nonce, plus ? "p=tls-exporter,," : bound && !login->binding_refused ? "y,," : "n,,",
					   binding, plus ? sizeof binding : 0);
	return scram_dialogue(login, scram, plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", error);
}

/* The server may know only other kinds of channel binding than ours; that is told only after the proof. */
static bool
login_scram_any(Login *login, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (login_scram(login, &local))
		return true;
	if (login->binding_refused) {
		g_clear_error(&local);
		if (login_scram(login, &local))
			return true;
	}
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

typedef struct Mechanism {
	const char *name;
	bool token;
	bool (*run)(Login *login, GError **error);
} Mechanism;

/* Strongest first. */
static const Mechanism mechanisms[] = {
	{ "SCRAM-SHA-256", false, login_scram_any },
	{ "PLAIN", false, login_plain },
	{ "LOGIN", false, login_login },
	{ "OAUTHBEARER", true, login_oauthbearer },
	{ "XOAUTH2", true, login_xoauth2 },
};

bool
sasl_login(Net *net, const SaslCarrier *carrier, char *const *offered, const char *host, uint16_t port, const char *user,
	   const char *secret, bool is_token, GError **error)
{
	Login login = { .net = net, .carrier = carrier, .host = host, .user = user, .secret = secret, .port = port };
	const char *const *names = (const char *const *)offered;

	if (!net->secure && net->tls != TLS_NONE)
		return error_set(error, ERROR_PROTOCOL, "%s: the connection is not encrypted; the password was not sent", net->where);
	login.binding_offered = g_strv_contains(names, "SCRAM-SHA-256-PLUS");
	for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++) {
		g_autoptr(GError) local = NULL;

		if (mechanisms[i].token != is_token || !g_strv_contains(names, mechanisms[i].name))
			continue;
		if (mechanisms[i].run(&login, &local))
			return true;
		/* A lost connection is told with its own words. */
		if (net->failure && !g_error_matches(local, SUREL_ERROR, ERROR_AUTH))
			return net_tell(net, error);
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	return error_set(error, ERROR_UNSUPPORTED, "%s: the server offers no way of login that fits %s", net->where,
			 is_token ? "a token (OAUTHBEARER, XOAUTH2)" : "a password (SCRAM-SHA-256, PLAIN, LOGIN)");
}
