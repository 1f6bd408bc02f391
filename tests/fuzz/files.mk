# tests/fuzz/files.mk: parsers of what others wrote. `make check` replays seeds and bent copies of them; for libFuzzer:
# configure CC=clang --enable-fuzzing, then make check_PROGRAMS and tests/fuzz/fuzz-conf -max_total_time=60 SEEDS
if FUZZING
fuzz_main =
fuzz_ldflags = -fsanitize=fuzzer
else
fuzz_main = tests/fuzz/replay.c
fuzz_ldflags =
TESTS += tests/fuzz/fuzz-conf tests/fuzz/fuzz-ipc
endif
check_PROGRAMS += tests/fuzz/fuzz-conf tests/fuzz/fuzz-ipc
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz-conf.c $(fuzz_main)
tests_fuzz_fuzz_conf_LDADD = $(conf_libs)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_ipc_SOURCES = tests/fuzz/fuzz-ipc.c $(fuzz_main)
tests_fuzz_fuzz_ipc_LDADD = $(ipc_libs)
tests_fuzz_fuzz_ipc_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
include tests/fuzz/wire.mk
