# tests/lint/files.mk: checks of the source itself; part of make check
AM_TESTS_ENVIRONMENT += CC='$(CC)'; LINT_CFLAGS='$(CFLAGS) $(SAN_CFLAGS)'; LINT_CPPFLAGS='$(GLIB_CFLAGS) $(GMIME_CFLAGS) $(SQLITE_CFLAGS) $(NCURSES_CFLAGS) $(OPENSSL_CFLAGS) $(LIBETPAN_CFLAGS)'; export CC LINT_CFLAGS LINT_CPPFLAGS;
TESTS += tests/lint/test-layers.py tests/lint/test-headers.py tests/lint/test-style.py tests/lint/test-data.py
lint: all
	$(MAKE) check TESTS='$(filter tests/lint/%,$(TESTS))'
.PHONY: lint
