# src/store/files.mk: sources of this folder
noinst_LIBRARIES += src/libstore.a
src_libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
src_libstore_a_SOURCES = src/store/apply.c src/store/check.c src/store/contacts.c src/store/db.c src/store/db.h src/store/delivery.c \
	src/store/drafts.c src/store/index.c src/store/index.h src/store/index-search.c src/store/folders.c src/store/internal.h src/store/journal.c src/store/list.c src/store/maildir.c \
	src/store/messages.c src/store/ops.c src/store/outbox.c src/store/query.c src/store/query.h src/store/search.c src/store/overlay.c src/store/schema.c src/store/store.c src/store/threads.c \
	src/store/uidl.c src/store/words.c src/store/words.h
