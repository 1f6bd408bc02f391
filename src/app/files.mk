# src/app/files.mk: sources of this folder
noinst_LIBRARIES += src/libapp.a
src_libapp_a_CPPFLAGS = $(AM_CPPFLAGS)
src_libapp_a_SOURCES = src/app/app.c src/app/supervisor.c src/app/watch.c src/app/secret.c src/app/events.c src/app/mailbox.c src/app/rows.c \
	src/app/side.c src/app/reader.c src/app/extract.c src/app/search.c src/app/outbox.c src/app/actions.c src/app/draft.c src/app/compose.c \
	src/app/doubt.c src/app/cli.c src/app/cli-mail.c src/app/cli-sync.c src/app/cli-setup.c src/app/cli.h src/app/private.h src/app/mailbox.h src/app/draft.h
