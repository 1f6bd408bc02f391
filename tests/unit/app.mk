# tests/unit/app.mk: unit tests of src/app
