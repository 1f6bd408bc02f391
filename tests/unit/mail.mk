# tests/unit/mail.mk: unit tests of src/mail
mail_tests = tests/unit/test-envelope tests/unit/test-address tests/unit/test-document tests/unit/test-html tests/unit/test-build \
	tests/unit/test-reply tests/unit/test-render tests/unit/test-corpus tests/fuzz/fuzz-mail tests/fuzz/fuzz-html tests/fuzz/fuzz-document
check_PROGRAMS += $(mail_tests)
TESTS += $(mail_tests) tests/unit/test-built-mail.py
EXTRA_DIST += tests/unit/test-built-mail.py tests/fuzz/replay.h tests/fuzz/seeds
tests_unit_test_envelope_LDADD = $(mail_libs)
tests_unit_test_address_LDADD = $(mail_libs)
tests_unit_test_document_LDADD = $(mail_libs)
tests_unit_test_html_LDADD = $(mail_libs)
tests_unit_test_build_LDADD = $(mail_libs)
tests_unit_test_reply_LDADD = $(mail_libs)
tests_unit_test_corpus_LDADD = $(mail_libs)
tests_fuzz_fuzz_mail_LDADD = $(mail_libs)
tests_fuzz_fuzz_html_LDADD = $(mail_libs)
tests_fuzz_fuzz_document_LDADD = $(mail_libs)
tests_unit_test_render_LDADD = $(engine_libs)
