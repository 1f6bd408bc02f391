# src/ipc/files.mk: sources of this folder
noinst_LIBRARIES += src/libipc.a
src_libipc_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libipc_a_SOURCES = src/ipc/channel.c src/ipc/protocol.c src/ipc/worker.c
