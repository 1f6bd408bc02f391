# src/mail/files.mk: sources of this folder
noinst_LIBRARIES += src/libmail.a
src_libmail_a_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS) $(GUMBO_CFLAGS)
src_libmail_a_SOURCES = src/mail/mail-private.h src/mail/charset.c src/mail/header.c src/mail/date.c src/mail/address.c \
	src/mail/envelope.c src/mail/draft.c src/mail/mime.h src/mail/parse.c
