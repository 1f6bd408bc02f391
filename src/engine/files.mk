# src/engine/files.mk: sources of this folder
noinst_LIBRARIES += src/libengine.a
src_libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBETPAN_CFLAGS) $(OPENSSL_CFLAGS)
src_libengine_a_SOURCES =
# connections and login
src_libengine_a_SOURCES += src/engine/net.c src/engine/net-io.c src/engine/net-connect.c src/engine/net-tls.c src/engine/guard.c
src_libengine_a_SOURCES += src/engine/sasl.c src/engine/scram.c
src_libengine_a_SOURCES += src/engine/smtp.c src/engine/smtp-send.c
