# tests/unit/conf.mk: unit tests of src/conf
check_PROGRAMS += tests/unit/test-conf
tests_unit_test_conf_SOURCES = tests/unit/test-conf.c
tests_unit_test_conf_LDADD = $(conf_libs)
TESTS += tests/unit/test-conf
