# tests/unit/engine.mk: unit tests of src/engine
