# src/conf/files.mk: sources of this folder
noinst_LIBRARIES += src/libconf.a
src_libconf_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libconf_a_SOURCES = src/conf/empty.c
