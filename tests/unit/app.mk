# tests/unit/app.mk: unit tests of src/app and src/command
check_PROGRAMS += tests/unit/test-mailbox tests/unit/test-command tests/unit/test-draft
app_libs = src/libcommand.a src/libapp.a $(engine_libs)
tests_unit_test_mailbox_SOURCES = tests/unit/test-mailbox.c tests/unit/app-fixture.h
tests_unit_test_mailbox_LDADD = $(app_libs)
tests_unit_test_command_SOURCES = tests/unit/test-command.c tests/unit/app-fixture.h
tests_unit_test_command_LDADD = $(app_libs)
tests_unit_test_draft_SOURCES = tests/unit/test-draft.c tests/unit/app-fixture.h
tests_unit_test_draft_LDADD = $(app_libs)
TESTS += tests/unit/test-mailbox tests/unit/test-command tests/unit/test-draft
