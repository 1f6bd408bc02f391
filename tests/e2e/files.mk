# tests/e2e/files.mk: what this folder adds to the build
