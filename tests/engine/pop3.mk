# tests/engine/pop3.mk: engine tests of pop3; the tools of all server tests; the demo
EXTRA_DIST += tests/lib/tap.py tests/lib/ports.py tests/lib/certs.py tests/lib/dovecot.py tests/lib/relay.py tests/lib/proxy.py \
	tests/lib/screen.py tests/demo/run
EXTRA_DIST += tests/demo/mail
