/* engine/scram.c: SCRAM-SHA-256 client messages and their proofs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "src/engine/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "surel/text.h"

enum { HASH_BYTES = 32, MESSAGE_MAX_BYTES = 4096 };

struct Scram {
	char *password, *nonce, *gs2;
	char *bare;		/* client-first-message-bare */
	char *binding;		/* base64 of gs2 header and channel binding data */
	uint8_t signature[HASH_BYTES];	/* the server's, as it must be */
	bool ready;
};

/* SASLprep (RFC 4013) as far as it matters: NFKC; what is not UTF-8 goes as it is. */
static char *
prepare(const char *text)
{
	char *normal = g_utf8_validate(text, -1, NULL) ? g_utf8_normalize(text, -1, G_NORMALIZE_ALL_COMPOSE) : NULL;

	return normal ? normal : g_strdup(text);
}

static char *
escape_name(const char *user)
{
	g_autofree char *prepared = prepare(user);
	GString *text = g_string_new(NULL);

	for (const char *at = prepared; *at; at++) {
		if (*at == '=')
			g_string_append(text, "=3D");
		else if (*at == ',')
			g_string_append(text, "=2C");
		else
			g_string_append_c(text, *at);
	}
	return g_string_free(text, FALSE);
}

Scram *
scram_new(const char *user, const char *password, const char *nonce, const char *gs2, const void *binding, size_t size)
{
	g_autofree char *name = escape_name(user);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	Scram *scram = g_new0(Scram, 1);

	g_byte_array_append(bytes, (const uint8_t *)gs2, (guint)strlen(gs2));
	if (size)
		g_byte_array_append(bytes, binding, (guint)size);
	scram->password = prepare(password);
	scram->nonce = g_strdup(nonce);
	scram->gs2 = g_strdup(gs2);
	scram->bare = g_strdup_printf("n=%s,r=%s", name, nonce);
	scram->binding = g_base64_encode(bytes->data, bytes->len);
	return scram;
}

void
scram_free(Scram *scram)
{
	if (!scram)
		return;
	OPENSSL_cleanse(scram->password, strlen(scram->password));
	g_free(scram->password);
	g_free(scram->nonce);
	g_free(scram->gs2);
	g_free(scram->bare);
	g_free(scram->binding);
	OPENSSL_cleanse(scram, sizeof *scram);
	g_free(scram);
}

char *
scram_first(const Scram *scram)
{
	return g_strconcat(scram->gs2, scram->bare, NULL);
}

/* Value of "k=..." among comma-separated attributes; NULL when absent. Caller frees. */
static char *
attribute(char *const *fields, char key)
{
	for (size_t i = 0; fields[i]; i++)
		if (fields[i][0] == key && fields[i][1] == '=')
			return g_strdup(fields[i] + 2);
	return NULL;
}

static bool
hmac(const uint8_t key[HASH_BYTES], const char *text, uint8_t out[HASH_BYTES])
{
	unsigned size = 0;

	return HMAC(EVP_sha256(), key, HASH_BYTES, (const uint8_t *)text, strlen(text), out, &size) && size == HASH_BYTES;
}

/* Proof of the client into proof, signature of the server into the scram (RFC 5802 3). */
static bool
compute(Scram *scram, const uint8_t *salt, size_t salt_size, int rounds, const char *message, uint8_t proof[HASH_BYTES])
{
	uint8_t salted[HASH_BYTES], client[HASH_BYTES], stored[HASH_BYTES], mine[HASH_BYTES], server[HASH_BYTES];
	bool fine = PKCS5_PBKDF2_HMAC(scram->password, (int)strlen(scram->password), salt, (int)salt_size, rounds, EVP_sha256(), HASH_BYTES, salted) == 1 &&
		    hmac(salted, "Client Key", client) && EVP_Digest(client, HASH_BYTES, stored, NULL, EVP_sha256(), NULL) == 1 &&
		    hmac(stored, message, mine) && hmac(salted, "Server Key", server) && hmac(server, message, scram->signature);

	for (size_t i = 0; fine && i < HASH_BYTES; i++)
		proof[i] = client[i] ^ mine[i];
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(client, sizeof client);
	OPENSSL_cleanse(server, sizeof server);
	return fine;
}

char *
scram_final(Scram *scram, const char *server_first, GError **error)
{
	g_auto(GStrv) fields = g_strsplit(server_first, ",", 16);
	g_autofree char *nonce = attribute(fields, 'r'), *salt_text = attribute(fields, 's'), *rounds_text = attribute(fields, 'i');
	guint64 rounds = 0;
	gsize salt_size = 0;
	uint8_t proof[HASH_BYTES];

	if (strlen(server_first) > MESSAGE_MAX_BYTES || !fields[0] || fields[0][0] == 'm' || !nonce || !salt_text || !rounds_text) {
		error_set(error, ERROR_AUTH, "the server's SCRAM message makes no sense");
		return NULL;
	}
	if (!g_str_has_prefix(nonce, scram->nonce) || strlen(nonce) == strlen(scram->nonce)) {
		error_set(error, ERROR_AUTH, "the server answered another login than ours (SCRAM nonce)");
		return NULL;
	}
	if (!g_ascii_string_to_unsigned(rounds_text, 10, SCRAM_MIN_ROUNDS, SCRAM_MAX_ROUNDS, &rounds, NULL)) {
		error_set(error, ERROR_AUTH, "the server asks for a number of SCRAM rounds that is not safe");
		return NULL;
	}
	g_autofree uint8_t *salt = g_base64_decode(salt_text, &salt_size);
	g_autofree char *without = g_strdup_printf("c=%s,r=%s", scram->binding, nonce);
	g_autofree char *message = g_strdup_printf("%s,%s,%s", scram->bare, server_first, without);
	if (salt_size == 0 || !compute(scram, salt, salt_size, (int)rounds, message, proof)) {
		error_set(error, ERROR_AUTH, "the server's SCRAM salt cannot be used");
		return NULL;
	}
	scram->ready = true;
	g_autofree char *encoded = g_base64_encode(proof, HASH_BYTES);
	return g_strdup_printf("%s,p=%s", without, encoded);
}

bool
scram_verify(const Scram *scram, const char *server_final, GError **error)
{
	g_auto(GStrv) fields = g_strsplit(server_final, ",", 8);
	g_autofree char *failure = attribute(fields, 'e'), *value = attribute(fields, 'v');
	gsize size = 0;

	if (failure) {
		g_autofree char *clean = text_clean(failure, (ssize_t)MIN(strlen(failure), 200), false);
		return error_set(error, ERROR_AUTH, "login refused: %s", clean);
	}
	g_autofree uint8_t *signature = value ? g_base64_decode(value, &size) : NULL;
	if (!scram->ready || !signature || size != HASH_BYTES || CRYPTO_memcmp(signature, scram->signature, HASH_BYTES) != 0)
		return error_set(error, ERROR_AUTH, "the server could not prove that it knows the password; it may be an impostor");
	return true;
}

bool
scram_binding_refused(const char *server_final)
{
	return g_str_has_prefix(server_final, "e=") && strstr(server_final, "channel-binding") != NULL;
}
