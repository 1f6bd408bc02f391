# tests/unit/engine.mk: unit tests of engine
unit_engine_flags = $(AM_CPPFLAGS) $(LIBETPAN_CFLAGS) $(OPENSSL_CFLAGS)
check_PROGRAMS += tests/unit/test-guard
tests_unit_test_guard_SOURCES = tests/unit/test-guard.c
tests_unit_test_guard_CPPFLAGS = $(unit_engine_flags)
tests_unit_test_guard_LDADD = $(engine_libs)
TESTS += tests/unit/test-guard
check_PROGRAMS += tests/unit/test-sasl
tests_unit_test_sasl_SOURCES = tests/unit/test-sasl.c
tests_unit_test_sasl_CPPFLAGS = $(unit_engine_flags)
tests_unit_test_sasl_LDADD = $(engine_libs)
TESTS += tests/unit/test-sasl
