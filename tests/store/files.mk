# tests/store/files.mk: tests of the store
store_tests = tests/store/test-durable tests/store/test-journal tests/store/test-list tests/store/test-memory tests/store/test-search
check_PROGRAMS += $(store_tests)
TESTS += $(store_tests)
store_fixture = tests/store/fixture.c tests/store/fixture.h
tests_store_test_journal_SOURCES = tests/store/test-journal.c $(store_fixture)
tests_store_test_journal_LDADD = $(store_libs)
tests_store_test_search_SOURCES = tests/store/test-search.c $(store_fixture)
tests_store_test_search_LDADD = $(store_libs)
tests_store_test_list_SOURCES = tests/store/test-list.c $(store_fixture)
tests_store_test_list_LDADD = $(store_libs)
tests_store_test_durable_SOURCES = tests/store/test-durable.c $(store_fixture)
tests_store_test_durable_LDADD = $(store_libs)
tests_store_test_memory_SOURCES = tests/store/test-memory.c $(store_fixture)
tests_store_test_memory_LDADD = $(store_libs)
