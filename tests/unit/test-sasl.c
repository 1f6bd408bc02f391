/* tests/unit/test-sasl.c: login mechanisms against the vectors of their RFCs and a scripted carrier */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "src/engine/net-priv.h"
#include "src/engine/sasl.h"
#include "src/engine/scram.h"

/* RFC 7677 3 */
static const char nonce[] = "rOprNGfwEbeRWgbNEkqO";
static const char server_first[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char client_final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static void
test_scram_speaks_the_vector_of_rfc7677(void)
{
	g_autoptr(Scram) scram = scram_new("user", "pencil", nonce, "n,,", NULL, 0);
	g_autoptr(GError) error = NULL;
	g_autofree char *first = scram_first(scram), *final = scram_final(scram, server_first, &error);

	g_assert_cmpstr(first, ==, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
	g_assert_no_error(error);
	g_assert_cmpstr(final, ==, client_final);
	g_assert_true(scram_verify(scram, server_final, &error));
	g_assert_false(scram_verify(scram, "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &error));
	g_assert_error(error, SUREL_ERROR, ERROR_AUTH);
}

static void
test_scram_names_are_escaped(void)
{
	g_autoptr(Scram) scram = scram_new("a=b,c", "x", "N", "y,,", NULL, 0);
	g_autofree char *first = scram_first(scram);

	g_assert_cmpstr(first, ==, "y,,n=a=3Db=2Cc,r=N");
}

static void
test_scram_binding_is_part_of_the_proof(void)
{
	g_autoptr(Scram) scram = scram_new("user", "pencil", nonce, "p=tls-exporter,,", "\001\002", 2);
	g_autofree char *final = scram_final(scram, server_first, NULL);

	g_assert_true(g_str_has_prefix(final, "c=cD10bHMtZXhwb3J0ZXIsLAEC,r="));
}

static void
test_scram_hostile_messages_are_refused(void)
{
	static const char *const bad[] = {
		"", ",", "r=", "x", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4294967296000",
		"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=-4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z", "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(Scram) scram = scram_new("user", "pencil", nonce, "n,,", NULL, 0);
		g_autoptr(GError) error = NULL;

		g_assert_null(scram_final(scram, bad[i], &error));
		g_assert_error(error, SUREL_ERROR, ERROR_AUTH);
		g_assert_false(scram_verify(scram, server_final, NULL));
		g_assert_false(scram_verify(scram, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL));
	}
}

/* ---- a carrier that says given challenges and notes what it was told ---- */

typedef struct Script {
	const char *const *challenges;	/* plain text; "+" success; "-" refusal */
	size_t at;
	GString *said;
} Script;

static char *
script_next(Script *script, bool *ret_done, GError **error)
{
	const char *challenge = script->challenges[script->at];

	if (!challenge || strcmp(challenge, "-") == 0) {
		error_set(error, ERROR_AUTH, "refused");
		return NULL;
	}
	script->at++;
	*ret_done = strcmp(challenge, "+") == 0;
	return *ret_done ? NULL : g_base64_encode((const uint8_t *)challenge, strlen(challenge));
}

static char *
script_start(void *data, const char *mechanism, const char *initial, bool *ret_done, GError **error)
{
	Script *script = data;

	g_string_append_printf(script->said, "%s %s", mechanism, initial ? initial : "");
	return script_next(script, ret_done, error);
}

static char *
script_reply(void *data, const char *line, bool *ret_done, GError **error)
{
	Script *script = data;

	g_string_append_printf(script->said, "|%s", line);
	return script_next(script, ret_done, error);
}

static char *
run(const char *offered, const char *const *challenges, bool initial, bool is_token, bool *ret_fine, GError **error)
{
	Script script = { challenges, 0, g_string_new(NULL) };
	SaslCarrier carrier = { script_start, script_reply, &script, initial };
	Net net = { .tls = TLS_NONE, .where = "test:1" };
	g_auto(GStrv) names = g_strsplit(offered, " ", -1);

	*ret_fine = sasl_login(&net, &carrier, names, "server.example.com", 587, "user@example.com", is_token ? "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==" : "pencil", is_token, error);
	return g_string_free(script.said, FALSE);
}

static void
check(const char *offered, const char *const *challenges, bool initial, bool is_token, bool fine, const char *said)
{
	g_autoptr(GError) error = NULL;
	bool got = false;
	g_autofree char *told = run(offered, challenges, initial, is_token, &got, &error);

	g_assert_cmpstr(told, ==, said);
	g_assert_true(got == fine);
	g_assert_true(fine == !error);
}

static void
test_plain_sends_user_and_password_once(void)
{
	static const char *const direct[] = { "+", NULL }, *const asked[] = { "", "+", NULL }, *const refused[] = { "-", NULL };
	static const char *const more[] = { "more?", "-", NULL };

	check("LOGIN PLAIN", direct, true, false, true, "PLAIN AHVzZXJAZXhhbXBsZS5jb20AcGVuY2ls");
	check("LOGIN PLAIN", asked, false, false, true, "PLAIN |AHVzZXJAZXhhbXBsZS5jb20AcGVuY2ls");
	check("PLAIN", refused, true, false, false, "PLAIN AHVzZXJAZXhhbXBsZS5jb20AcGVuY2ls");
	check("PLAIN", more, true, false, false, "PLAIN AHVzZXJAZXhhbXBsZS5jb20AcGVuY2ls|*");
}

static void
test_login_answers_two_questions(void)
{
	static const char *const good[] = { "Username:", "Password:", "+", NULL }, *const early[] = { "+", NULL }, *const bad[] = { "Username:", "-", NULL };

	check("LOGIN", good, true, false, true, "LOGIN |dXNlckBleGFtcGxlLmNvbQ==|cGVuY2ls");
	check("LOGIN", early, true, false, false, "LOGIN |*");
	check("LOGIN", bad, true, false, false, "LOGIN |dXNlckBleGFtcGxlLmNvbQ==");
}

static void
test_tokens_go_as_their_rfc_says_and_errors_are_acknowledged(void)
{
	static const char *const good[] = { "+", NULL }, *const bad[] = { "{\"status\":\"invalid_token\"}", "-", NULL };
	/* RFC 7628 4.1 with port 587 */
	static const char bearer[] = "OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2c9PQEB";
	static const char google[] = "XOAUTH2 dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2c9PQEB";
	g_autofree char *bearer_bad = g_strconcat(bearer, "|AQ==", NULL), *google_bad = g_strconcat(google, "|", NULL);

	check("PLAIN XOAUTH2 OAUTHBEARER", good, true, true, true, bearer);
	check("PLAIN XOAUTH2 OAUTHBEARER", bad, true, true, false, bearer_bad);
	check("PLAIN XOAUTH2", good, true, true, true, google);
	check("PLAIN XOAUTH2", bad, true, true, false, google_bad);
}

static void
test_scram_is_preferred_and_needs_the_proof_of_the_server(void)
{
	static const char *const nothing[] = { "nonsense", "-", NULL };
	g_autoptr(GError) error = NULL;
	bool fine = true;
	g_autofree char *said = run("PLAIN SCRAM-SHA-256 LOGIN", nothing, true, false, &fine, &error);

	g_assert_true(g_str_has_prefix(said, "SCRAM-SHA-256 "));
	g_assert_true(g_str_has_suffix(said, "|*"));
	g_assert_false(fine);
	g_assert_error(error, SUREL_ERROR, ERROR_AUTH);
}

static void
test_nothing_that_fits_is_unsupported(void)
{
	static const char *const none[] = { NULL };
	g_autoptr(GError) error = NULL;
	bool fine = true;
	g_autofree char *said = run("GSSAPI NTLM", none, true, false, &fine, &error);

	g_assert_cmpstr(said, ==, "");
	g_assert_false(fine);
	g_assert_error(error, SUREL_ERROR, ERROR_UNSUPPORTED);
}

static void
test_nothing_is_said_before_encryption(void)
{
	Net net = { .tls = TLS_STARTTLS, .where = "test:1" };
	SaslCarrier carrier = { script_start, script_reply, NULL, true };
	char *names[] = { (char *)"PLAIN", NULL };
	g_autoptr(GError) error = NULL;

	g_assert_false(sasl_login(&net, &carrier, names, "h", 1, "u", "p", false, &error));
	g_assert_error(error, SUREL_ERROR, ERROR_PROTOCOL);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sasl/scram/speaks-the-vector-of-rfc7677", test_scram_speaks_the_vector_of_rfc7677);
	g_test_add_func("/sasl/scram/names-are-escaped", test_scram_names_are_escaped);
	g_test_add_func("/sasl/scram/binding-is-part-of-the-proof", test_scram_binding_is_part_of_the_proof);
	g_test_add_func("/sasl/scram/hostile-messages-are-refused", test_scram_hostile_messages_are_refused);
	g_test_add_func("/sasl/plain/sends-user-and-password-once", test_plain_sends_user_and_password_once);
	g_test_add_func("/sasl/login/answers-two-questions", test_login_answers_two_questions);
	g_test_add_func("/sasl/tokens/go-as-their-rfc-says-and-errors-are-acknowledged", test_tokens_go_as_their_rfc_says_and_errors_are_acknowledged);
	g_test_add_func("/sasl/choice/scram-is-preferred-and-needs-the-proof-of-the-server", test_scram_is_preferred_and_needs_the_proof_of_the_server);
	g_test_add_func("/sasl/choice/nothing-that-fits-is-unsupported", test_nothing_that_fits_is_unsupported);
	g_test_add_func("/sasl/choice/nothing-is-said-before-encryption", test_nothing_is_said_before_encryption);
	return g_test_run();
}
