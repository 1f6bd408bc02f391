# tests/bench/files.mk: benchmarks; `make bench` runs them all and prints "name value unit" lines
bench_programs = tests/bench/bench-store
bench_tools = tests/bench/make-store
EXTRA_PROGRAMS += $(bench_programs) $(bench_tools)
CLEANFILES += $(bench_programs) $(bench_tools)
tests_bench_bench_store_SOURCES = tests/bench/bench-store.c $(store_fixture)
tests_bench_bench_store_LDADD = $(store_libs)
tests_bench_make_store_SOURCES = tests/bench/make-store.c $(store_fixture)
tests_bench_make_store_LDADD = $(store_libs)
# scripts may use the probes of tests/engine; each is run though another fails
bench: all $(bench_programs) $(bench_tools) $(check_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) status=0; \
	for program in $(bench_programs); do ./$$program || status=1; done; \
	for script in $(srcdir)/tests/bench/bench-*.py; do $(PYTHON) $$script || status=1; done; exit $$status
.PHONY: bench
