# src/conf/files.mk: sources of this folder
noinst_LIBRARIES += src/libconf.a
src_libconf_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libconf_a_SOURCES = src/conf/accounts.c src/conf/config.c src/conf/options.c src/conf/parse.c src/conf/secrets.c src/conf/url.c
