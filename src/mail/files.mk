# src/mail/files.mk: sources of this folder
noinst_LIBRARIES += src/libmail.a
src_libmail_a_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS) $(GUMBO_CFLAGS)
src_libmail_a_SOURCES = src/mail/empty.c
