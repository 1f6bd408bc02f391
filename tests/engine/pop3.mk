# tests/engine/pop3.mk: engine tests of pop3
