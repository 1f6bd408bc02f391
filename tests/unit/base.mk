# tests/unit/base.mk: unit tests of src/base
