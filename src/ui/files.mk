# src/ui/files.mk: sources of this folder
noinst_LIBRARIES += src/libui.a
src_libui_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)
src_libui_a_SOURCES = src/ui/empty.c
