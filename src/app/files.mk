# src/app/files.mk: sources of this folder
noinst_LIBRARIES += src/libapp.a
src_libapp_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libapp_a_SOURCES = src/app/empty.c
