# tests/bench/files.mk: benchmarks; `make bench` runs them all and prints "name value unit" lines
bench_programs = tests/bench/bench-store
bench_scripts =
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
tests_bench_bench_store_SOURCES = tests/bench/bench-store.c $(store_fixture)
tests_bench_bench_store_LDADD = $(store_libs)
bench: all $(bench_programs)
	@for program in $(bench_programs); do ./$$program || exit 1; done
	@for script in $(bench_scripts); do $(AM_TESTS_ENVIRONMENT) $(PYTHON) $(srcdir)/$$script || exit 1; done
.PHONY: bench
