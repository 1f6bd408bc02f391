# tests/engine/smtp.mk: engine tests of smtp
