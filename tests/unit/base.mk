# tests/unit/base.mk: unit tests of src/base
check_PROGRAMS += tests/unit/test-text tests/unit/test-os
tests_unit_test_text_SOURCES = tests/unit/test-text.c
tests_unit_test_text_LDADD = $(base_libs)
tests_unit_test_os_SOURCES = tests/unit/test-os.c
tests_unit_test_os_LDADD = $(base_libs)
TESTS += tests/unit/test-text tests/unit/test-os
