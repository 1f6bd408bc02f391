# src/ui/files.mk: sources of this folder
noinst_LIBRARIES += src/libui.a
src_libui_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS)
src_libui_a_SOURCES = src/ui/surface.c src/ui/input.c src/ui/input.h src/ui/keymap.c src/ui/theme.c src/ui/theme.h src/ui/glyphs.c src/ui/glyphs.h src/ui/screen.c src/ui/prompt.c src/ui/loop.c
