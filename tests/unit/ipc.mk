# tests/unit/ipc.mk: unit tests of src/ipc
