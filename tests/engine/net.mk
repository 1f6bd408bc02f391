# tests/engine/net.mk: engine tests of net
