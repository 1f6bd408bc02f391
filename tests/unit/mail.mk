# tests/unit/mail.mk: unit tests of src/mail
