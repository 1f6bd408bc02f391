# tests/engine/pop3.mk: engine tests of pop3; the tools of all server tests; the demo
EXTRA_DIST += tests/lib/tap.py tests/lib/ports.py tests/lib/certs.py tests/lib/dovecot.py tests/lib/relay.py tests/lib/proxy.py \
	tests/lib/screen.py tests/demo/run
EXTRA_DIST += tests/demo/mail
check_PROGRAMS += tests/engine/pop3-probe
tests_engine_pop3_probe_SOURCES = tests/engine/pop3-probe.c
tests_engine_pop3_probe_CPPFLAGS = $(unit_engine_flags)
tests_engine_pop3_probe_LDADD = $(engine_libs)
TESTS += tests/engine/test-pop3.py tests/engine/test-maildir.py
EXTRA_DIST += tests/engine/test-pop3.py tests/engine/test-maildir.py tests/lib/fake_pop3.py
EXTRA_DIST += tests/bench/bench-pop3.py
TESTS += tests/e2e/test-demo.py
EXTRA_DIST += tests/e2e/test-demo.py
