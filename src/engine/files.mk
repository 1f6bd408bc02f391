# src/engine/files.mk: sources of this folder
noinst_LIBRARIES += src/libengine.a
src_libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBETPAN_CFLAGS) $(OPENSSL_CFLAGS)
src_libengine_a_SOURCES =
# connections and login
src_libengine_a_SOURCES += src/engine/net.c src/engine/net-io.c src/engine/net-connect.c src/engine/net-tls.c src/engine/guard.c
src_libengine_a_SOURCES += src/engine/sasl.c src/engine/scram.c
src_libengine_a_SOURCES += src/engine/smtp.c src/engine/smtp-send.c src/engine/submit.c src/engine/sent.c src/engine/test.c
src_libengine_a_SOURCES += src/engine/engine.c src/engine/sync.c src/engine/imap.c src/engine/imap-proto.c src/engine/imap-raw.c \
	src/engine/imap-catch.c src/engine/imap-list.c src/engine/imap-pull.c src/engine/imap-bulk.c src/engine/imap-headers.c \
	src/engine/imap-body.c src/engine/imap-push.c src/engine/imap-ops.c src/engine/imap-verify.c src/engine/imap-idle.c
# accounts with local folders
src_libengine_a_SOURCES += src/engine/local.c src/engine/pop3.c src/engine/pop3-fetch.c src/engine/pop3-dialogue.c src/engine/maildir.c src/engine/maildir-tree.c
# reading
src_libengine_a_SOURCES += src/engine/render.c
# intents, full-text index
src_libengine_a_SOURCES += src/engine/keep.c src/engine/index.c
