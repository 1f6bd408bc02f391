# tests/engine/smtp.mk: engine tests of smtp
check_PROGRAMS += tests/engine/smtp-probe
tests_engine_smtp_probe_SOURCES = tests/engine/smtp-probe.c
tests_engine_smtp_probe_CPPFLAGS = $(unit_engine_flags)
tests_engine_smtp_probe_LDADD = $(engine_libs)
TESTS += tests/engine/test-smtp.py
EXTRA_DIST += tests/engine/test-smtp.py
check_PROGRAMS += tests/engine/submit-probe
tests_engine_submit_probe_SOURCES = tests/engine/submit-probe.c
tests_engine_submit_probe_LDADD = $(store_libs)
TESTS += tests/engine/test-submit.py
EXTRA_DIST += tests/engine/test-submit.py
