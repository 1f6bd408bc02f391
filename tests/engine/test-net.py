# tests/engine/test-net.py: connections against scripted servers: names, certificates, STARTTLS, limits, cuts
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import ports
import tap
from fake_server import Certs, FakeServer

PROBE = os.path.join(os.environ.get("SUREL_BUILDDIR", "."), "tests/engine/net-probe")
FOLDER = tempfile.TemporaryDirectory(prefix="surel-certs-")
CERTS = Certs(FOLDER.name)


def probe(port, tls, actions, flags="", host="localhost", ca=None, stdin=subprocess.DEVNULL):
    done = subprocess.run([PROBE, host, str(port), tls, ca or CERTS.ca, actions, flags], stdin=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=tap.limit(40), check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def refuse(out, nick, *words):
    tap.has(out, "error " + nick + ":")
    for word in words:
        tap.has(out, word)


def run(script, tls_mode, actions, flags="", cert=None, after=None, **more):
    with FakeServer(script, CERTS, cert) as server:
        result = probe(server.port, tls_mode, actions, flags, **more)
        if after:
            after()
        return result


class Until:
    """A server that says nothing until the test allows it to go on."""

    def __init__(self):
        self.event = threading.Event()
        self.end = self.event.set

    def wait(self):
        self.event.wait(120)


def test_tls_with_a_good_certificate_is_verified_and_described():
    status, out = run("S: hello", "tls", "lp", cert="good")
    tap.eq(status, 0, out)
    for word in ("line hello", "facts TLSv1.3", "certificate for localhost", 'by "Test Authority ca"', "valid until", "step DNS 0", "step TCP 0", "step TLS 0"):
        tap.has(out, word)


def test_an_address_as_host_is_checked_against_the_certificate():
    status, out = run("S: hello", "tls", "l", cert="good", host="127.0.0.1")
    tap.eq(status, 0, out)
    status, out = run("S: hello", "tls", "l", cert="wronghost", host="127.0.0.1")
    refuse(out, "certificate not trusted", "is for mail.elsewhere.example, not for 127.0.0.1")


def test_an_expired_certificate_is_refused_with_its_date():
    status, out = run("S: hello", "tls", "l", cert="expired")
    tap.eq(status, 1)
    refuse(out, "certificate not trusted", "expired on 2021-01-01", "step TLS 2")
    assert "line hello" not in out


def test_a_certificate_of_tomorrow_is_refused():
    refuse(run("S: hello", "tls", "l", cert="early")[1], "certificate not trusted", "not valid before 2049-01-01")


def test_a_foreign_certificate_is_refused_with_its_authority():
    refuse(run("S: hello", "tls", "l", cert="foreign")[1], "certificate not trusted", "unknown authority", "Test Authority other", "ca_file")


def test_a_self_signed_certificate_is_refused():
    refuse(run("S: hello", "tls", "l", cert="self")[1], "certificate not trusted", "unknown authority")


def test_a_wrong_host_name_is_refused():
    refuse(run("S: hello", "tls", "l", cert="wronghost")[1], "certificate not trusted", "is for mail.elsewhere.example, not for localhost")
    refuse(run("S: hello", "tls", "l", cert="wildcard")[1], "certificate not trusted", "*.example.org")


def test_without_our_authority_the_system_does_not_trust_it():
    refuse(run("S: hello", "tls", "l", cert="good", ca="-")[1], "certificate not trusted", "unknown authority")


def test_an_unreadable_ca_file_is_a_configuration_error():
    refuse(run("S: hello", "tls", "l", cert="good", ca="/nonexistent/ca.pem")[1], "configuration error", "/nonexistent/ca.pem")


def test_a_plain_server_on_a_tls_port_is_named():
    refuse(run("S: * OK not TLS at all, as you can see", "tls", "l")[1], "bad reply from server", "does not speak TLS")


def test_old_tls_is_refused():
    warnings.simplefilter("ignore", DeprecationWarning)
    def script(conn):
        context = CERTS.context("good")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            context.wrap_socket(conn.sock, server_side=True)
        except (ssl.SSLError, OSError):
            pass
    refuse(run(script, "tls", "l")[1], "bad reply from server", "TLS handshake failed")


def test_a_host_that_does_not_exist_is_named():
    out = probe(993, "tls", "l", host="no-such-host.invalid")[1]
    refuse(out, "host not found", "no-such-host.invalid", "step DNS 2")


def test_a_port_where_nothing_listens_is_named():
    port = ports.free_port()
    refuse(probe(port, "tls", "l")[1], "no connection", "nothing listens there", "step TCP 2")


STARTTLS = """
S: 220 hello
C: STARTTLS
S: 220 go
T: good
S: secure
"""


def test_starttls_encrypts():
    status, out = run(STARTTLS, "starttls", "lslp")
    tap.eq(status, 0, out)
    tap.has(out, "line secure")
    tap.has(out, "facts TLSv1.3")


def test_starttls_injection_is_refused():
    out = run("S: 220 hello\nC: STARTTLS\nS!: 220 go\\r\\n250 evil\\r\\n\nT: good", "starttls", "lsl")[1]
    refuse(out, "bad reply from server", "smuggled in")
    assert "evil" not in out


def test_starttls_injection_behind_the_buffer_of_libetpan_is_refused():
    def script(conn):
        conn.send("220 hello\r\n")
        conn.expect("STARTTLS")
        conn.send(b"220 go\r\n" + b"x" * 9000 + b"\r\n")
        conn.starttls()
    refuse(run(script, "starttls", "lsl")[1], "bad reply from server", "smuggled in")


def test_starttls_with_a_wrong_certificate_is_refused():
    refuse(run(STARTTLS.replace("good", "foreign"), "starttls", "lsl")[1], "certificate not trusted")


def test_a_hang_up_keeps_the_last_words_and_sticks():
    out = run("S: * BYE Too many connections", "plain", "le")[1]
    refuse(out, "no connection", "the server closed the connection", "* BYE Too many connections", "sticky 1")


def test_a_reset_and_a_cut_of_tls_are_connection_errors():
    refuse(run("S: hello\nX:", "plain", "ll")[1], "no connection")
    def script(conn):
        conn.send("hello\r\n")
        os.close(conn.sock.detach())
    refuse(run(script, "tls", "ll", cert="good")[1], "no connection", "the connection was cut")


def test_silence_ends_after_the_time_limit():
    # the server is still silent, and there, when the probe gives up
    silence = Until()
    refuse(run(lambda conn: (conn.send("hello\r\n"), silence.wait()), "plain", "tll", after=silence.end)[1], "no connection", "no answer for 1 seconds")


def test_the_deadline_holds_against_a_trickle():
    out = run(lambda conn: conn.slowly("x" * 400, 0.02), "plain", "dl")[1]
    refuse(out, "no connection", "not finished within 1 seconds")


def test_the_byte_budget_ends_a_flood():
    refuse(run(lambda conn: conn.send(b"x" * 5000), "plain", "be")[1], "bad reply from server", "more than was asked for")


def test_a_line_without_end_is_refused():
    refuse(run(lambda conn: conn.send(b"x" * 100000), "plain", "l")[1], "bad reply from server", "longer than 4096 bytes")


def test_libetpan_reads_large_answers_through_tls():
    status, out = run(lambda conn: (conn.send(b"x" * 200000), conn.fill()), "tls", "e", cert="good")
    tap.eq(status, 0, out)
    tap.has(out, "bytes 200000")


def test_libetpan_never_sees_an_end_of_stream_as_zero():
    refuse(run(lambda conn: conn.send(b"x" * 1000), "tls", "e", cert="good")[1], "no connection", "the server closed the connection", "sticky 1")


def test_the_guard_ends_the_connection():
    refuse(run('S: * OK [BADCHARSET ("UTF-8")] x', "plain", "l", "g")[1], "bad reply from server", "BADCHARSET", "sticky 1")


def test_waiting_tells_input_from_silence():
    out = run("W: 1\nS: late\nW: 1", "tls", "wl", cert="good")[1]
    tap.has(out, "wait 0 0\nwait 1 0\nline late")


def test_a_cancel_ends_a_blocked_read_at_once():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        blocked = Until()

        def script(conn):
            time.sleep(0.3)
            ours.send(b"x")
            blocked.wait()
        # the server is still there and says nothing when the probe ends
        refuse(run(script, "plain", "l", "c", stdin=theirs, after=blocked.end)[1], "cancelled")


def test_a_line_break_in_a_command_is_refused():
    def script(conn):
        conn.send("hello\r\n")
        conn.line()
    with FakeServer(script, CERTS) as server:
        refuse(probe(server.port, "plain", "tl!")[1], "bad input", "line break")
        assert b"two" not in server.said()


tap.main()
