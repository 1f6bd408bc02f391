# tests/bench/files.mk: what this folder adds to the build
