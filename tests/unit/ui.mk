# tests/unit/ui.mk: unit tests of src/ui
