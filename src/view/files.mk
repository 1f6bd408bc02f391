# src/view/files.mk: sources of this folder
noinst_LIBRARIES += src/libview.a
src_libview_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libview_a_SOURCES = src/view/empty.c
