# tests/engine/net.mk: engine tests of net
check_PROGRAMS += tests/engine/net-probe
tests_engine_net_probe_SOURCES = tests/engine/net-probe.c
tests_engine_net_probe_CPPFLAGS = $(unit_engine_flags)
tests_engine_net_probe_LDADD = $(engine_libs)
TESTS += tests/engine/test-net.py
EXTRA_DIST += tests/engine/test-net.py tests/lib/fake_server.py tests/lib/frames.py
TESTS += tests/engine/test-account.py
EXTRA_DIST += tests/engine/test-account.py
