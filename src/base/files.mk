# src/base/files.mk: sources of this folder
noinst_LIBRARIES += src/libbase.a
src_libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(UTF8PROC_CFLAGS)
src_libbase_a_SOURCES = src/base/command.c src/base/error.c src/base/log.c src/base/os.c src/base/sandbox.c src/base/text.c
