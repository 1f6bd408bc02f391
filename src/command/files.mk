# src/command/files.mk: sources of this folder
noinst_LIBRARIES += src/libcommand.a
src_libcommand_a_CPPFLAGS = $(AM_CPPFLAGS)
src_libcommand_a_SOURCES = src/command/command.c src/command/complete.c src/command/open.c src/command/cmd-app.c src/command/cmd-folder.c \
	src/command/cmd-message.c src/command/cmd-reader.c src/command/cmd-compose.c src/command/cmd-outbox.c src/command/private.h
