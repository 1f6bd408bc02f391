# src/view/files.mk: sources of this folder
noinst_LIBRARIES += src/libview.a
src_libview_a_CPPFLAGS = $(AM_CPPFLAGS) 
src_libview_a_SOURCES = src/view/draw.h src/view/draw.c src/view/bars.c src/view/view.c src/view/folders.c src/view/list.c src/view/reader.c src/view/wrap.h src/view/wrap.c src/view/parts.c src/view/links.c src/view/review.c src/view/outbox.c src/view/help.c src/view/log.c
