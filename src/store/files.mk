# src/store/files.mk: sources of this folder
noinst_LIBRARIES += src/libstore.a
src_libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
src_libstore_a_SOURCES = src/store/empty.c
