# tests/engine/imap.mk: engine tests of imap
check_PROGRAMS += tests/engine/imap-probe
tests_engine_imap_probe_SOURCES = tests/engine/imap-probe.c
tests_engine_imap_probe_CPPFLAGS = $(unit_engine_flags)
tests_engine_imap_probe_LDADD = $(engine_libs)
TESTS += tests/engine/test-imap.py tests/engine/test-imap-faults.py
EXTRA_DIST += tests/bench/bench-imap.py tests/engine/test-imap.py tests/engine/test-imap-faults.py tests/lib/fake_imap.py tests/lib/synclab.py
