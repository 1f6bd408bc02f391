# tests/engine/files.mk: what this folder adds to the build
include tests/engine/net.mk
include tests/engine/imap.mk
include tests/engine/pop3.mk
include tests/engine/smtp.mk
