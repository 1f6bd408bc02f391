# tests/engine/imap.mk: engine tests of imap
