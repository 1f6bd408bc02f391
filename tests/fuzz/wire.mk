# tests/fuzz/wire.mk: what servers say
EXTRA_DIST += tests/fuzz/fuzz-wire.h
check_PROGRAMS += tests/fuzz/fuzz-imap tests/fuzz/fuzz-smtp
tests_fuzz_fuzz_imap_SOURCES = tests/fuzz/fuzz-imap.c $(fuzz_main)
tests_fuzz_fuzz_imap_CPPFLAGS = $(unit_engine_flags)
tests_fuzz_fuzz_imap_LDADD = $(engine_libs)
tests_fuzz_fuzz_imap_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
tests_fuzz_fuzz_smtp_SOURCES = tests/fuzz/fuzz-smtp.c $(fuzz_main)
tests_fuzz_fuzz_smtp_CPPFLAGS = $(unit_engine_flags)
tests_fuzz_fuzz_smtp_LDADD = $(engine_libs)
tests_fuzz_fuzz_smtp_LDFLAGS = $(AM_LDFLAGS) $(fuzz_ldflags)
if !FUZZING
TESTS += tests/fuzz/fuzz-imap tests/fuzz/fuzz-smtp
endif
