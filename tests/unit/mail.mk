# tests/unit/mail.mk: unit tests of src/mail
check_PROGRAMS += tests/unit/test-envelope tests/unit/test-address
tests_unit_test_envelope_SOURCES = tests/unit/test-envelope.c
tests_unit_test_envelope_LDADD = $(mail_libs)
tests_unit_test_address_SOURCES = tests/unit/test-address.c
tests_unit_test_address_LDADD = $(mail_libs)
TESTS += tests/unit/test-envelope tests/unit/test-address
