# src/command/files.mk: sources of this folder
noinst_LIBRARIES += src/libcommand.a
src_libcommand_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libcommand_a_SOURCES = src/command/empty.c
