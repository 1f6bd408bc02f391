# src/mail/files.mk: sources of this folder
noinst_LIBRARIES += src/libmail.a
src_libmail_a_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS) $(GUMBO_CFLAGS)
src_libmail_a_SOURCES = src/mail/mail-private.h src/mail/charset.c src/mail/header.c src/mail/date.c src/mail/address.c \
	src/mail/envelope.c src/mail/draft.c src/mail/mime.h src/mail/parse.c src/mail/raw.c src/mail/lines.h src/mail/document.c src/mail/links.c \
	src/mail/plain.c src/mail/body.c src/mail/render.c src/mail/calendar.c src/mail/report.c src/mail/uuencode.c \
	src/mail/html.h src/mail/html.c src/mail/html-style.c src/mail/html-image.c src/mail/html-render.c src/mail/html-table.c \
	src/mail/show.c src/mail/reply.c src/mail/encode.h src/mail/encode.c src/mail/build.c
