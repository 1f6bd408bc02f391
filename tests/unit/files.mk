# tests/unit/files.mk: what this folder adds to the build
include tests/unit/base.mk
include tests/unit/conf.mk
include tests/unit/ipc.mk
include tests/unit/mail.mk
include tests/unit/engine.mk
include tests/unit/app.mk
include tests/unit/ui.mk
