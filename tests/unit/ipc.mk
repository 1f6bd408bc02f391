# tests/unit/ipc.mk: unit tests of src/ipc
check_PROGRAMS += tests/unit/test-ipc tests/unit/test-worker
tests_unit_test_ipc_SOURCES = tests/unit/test-ipc.c
tests_unit_test_ipc_LDADD = $(ipc_libs)
tests_unit_test_worker_SOURCES = tests/unit/test-worker.c
tests_unit_test_worker_LDADD = $(ipc_libs)
TESTS += tests/unit/test-ipc tests/unit/test-worker
