# tests/engine/test-account.py: `surel account test`: each step with a verdict, and what to do about what failed
# SPDX-License-Identifier: GPL-3.0-or-later
import contextlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import dovecot
import ports
import tap
from relay import Relay
from fake_server import Certs, FakeServer

FOLDER = tempfile.TemporaryDirectory(prefix="surel-account-")
CERTS = Certs(FOLDER.name)


def account(tmp, incoming, outgoing, ca, password="secret", smtp_password=None):
    """Runs the test; returns its status and the steps as {step: (verdict, text)}."""
    conf, secrets = os.path.join(tmp, "surel.conf"), os.path.join(tmp, "secrets")
    with open(conf, "w", encoding="utf-8") as file:
        file.write("[account work]\nincoming = %s\n%suser = ana\nfrom = Ana <ana@localhost>\nca_file = %s\n"
                   % (incoming, "outgoing = %s\n" % outgoing if outgoing else "", ca))
    with open(os.open(secrets, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("work = %s\n" % password + ("work/smtp = %s\n" % smtp_password if smtp_password else ""))
    env = dict(os.environ, SUREL_CONFIG=conf, SUREL_DATA=os.path.join(tmp, "data"), XDG_STATE_HOME=os.path.join(tmp, "state"), HOME=tmp)
    done = subprocess.run([tap.surel(), "account", "test", "work"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=tap.limit(90), check=False)
    out = done.stdout.decode("utf-8", "replace")
    assert done.returncode >= 0, "died: %d %s" % (done.returncode, out)
    assert not os.path.exists(os.path.join(tmp, "data", "accounts")), "a test must not make a store"
    steps = {}
    for line in out.splitlines():
        if line[:4] in ("ok  ", "warn", "FAIL"):
            words = line[4:].strip()
            name = next((s for s in NAMES if words.lower().startswith(s.lower() + " ")), words.split(" ")[0])
            steps[name] = (line[:4].strip(), words[len(name):].strip())
    return done.returncode, steps, out


@contextlib.contextmanager
def servers(tmp):
    """Dovecot with a submission service that has somewhere to go."""
    relay = Relay()
    with dovecot.Dovecot(tmp, users={"ana": "secret"}, relay_port=relay.port) as server:
        relay.start(None, server.users)
        try:
            yield server
        finally:
            relay.stop()


STEPS = ["DNS", "TCP", "TLS", "capabilities", "login", "folders"]
NAMES = ["SMTP " + s for s in STEPS] + ["SMTP server"] + STEPS


def free_closed_port():
    return ports.free_port()


def test_a_good_account_passes_every_step(tmp):
    with servers(tmp) as server:
        for incoming, outgoing in (("imaps://localhost:%(imaps)d", "smtps://localhost:%(submissions)d"),
                                   ("imap+starttls://localhost:%(imap)d", "smtp+starttls://localhost:%(submission)d"),
                                   ("pop3s://localhost:%(pop3s)d", "smtps://localhost:%(submissions)d")):
            status, steps, out = account(tmp, incoming % server.port, outgoing % server.port, server.ca)
            tap.eq(status, 0, out)
            for step in ("DNS", "TCP", "TLS", "capabilities", "login"):
                assert steps.get(step, ("?",))[0] in ("ok", "warn"), (incoming, step, out)
                assert steps.get("SMTP " + step, ("?",))[0] in ("ok", "warn"), (outgoing, step, out)
            tap.has(steps["TLS"][1], "valid until")
            tap.has(steps["TLS"][1], "days)")
            tap.has(out, "work is ready.")
            if incoming.startswith("imap"):
                tap.eq(steps["folders"][0], "ok")


def test_a_wrong_password_fails_at_login_with_a_remedy(tmp):
    with servers(tmp) as server:
        for incoming in ("imaps://localhost:%(imaps)d", "pop3s://localhost:%(pop3s)d"):
            status, steps, out = account(tmp, incoming % server.port, "smtps://localhost:%(submissions)d" % server.port, server.ca,
                                         password="wrong", smtp_password="secret")
            assert status != 0
            tap.eq(steps["login"][0], "FAIL", out)
            tap.has(steps["login"][1], "Check user and password")
            tap.eq(steps["SMTP login"][0], "ok", out)
        status, steps, out = account(tmp, "imaps://localhost:%(imaps)d" % server.port, "smtps://localhost:%(submissions)d" % server.port,
                                     server.ca, smtp_password="wrong")
        tap.eq((steps["login"][0], steps["SMTP login"][0]), ("ok", "FAIL"), out)
        assert "wrong" not in out.replace("wrong password", ""), "the password was printed"


def test_certificates_that_fail_are_told_with_their_facts(tmp):
    for cert, words in (("expired", "expired on 2021-01-01"), ("foreign", "unknown authority"), ("wronghost", "is for mail.elsewhere.example, not for localhost"),
                        ("self", "unknown authority")):
        with FakeServer("S: * OK hello", CERTS, cert) as server, FakeServer("S: 220 hello", CERTS, cert) as second:
            status, steps, out = account(tmp, "imaps://localhost:%d" % server.port, "smtps://localhost:%d" % second.port, CERTS.ca)
        assert status != 0
        for step in ("TLS", "SMTP TLS"):
            tap.eq(steps[step][0], "FAIL", out)
            tap.has(steps[step][1], words)
            tap.has(steps[step][1], "No password was sent")
            tap.eq("ca_file" in steps[step][1], cert in ("foreign", "self"), steps[step][1])
        assert "login" not in steps and "SMTP login" not in steps, out


def test_the_step_that_failed_is_named(tmp):
    closed = free_closed_port()
    status, steps, out = account(tmp, "imaps://no-such-host.invalid", "smtps://localhost:%d" % closed, CERTS.ca)
    assert status != 0
    tap.eq(steps["DNS"][0], "FAIL", out)
    tap.has(steps["DNS"][1], "no-such-host.invalid")
    tap.eq((steps["SMTP DNS"][0], steps["SMTP TCP"][0]), ("ok", "FAIL"), out)
    tap.has(steps["SMTP TCP"][1], "nothing listens there")


def test_a_server_without_encryption_gets_no_password(tmp):
    with FakeServer("S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: .*\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nW: 1", CERTS) as server, \
            FakeServer("S: 220 hi\nC: EHLO.*\nS: 250-x\nS: 250 AUTH PLAIN\nC: .*", CERTS) as second:
        status, steps, out = account(tmp, "imap+starttls://localhost:%d" % server.port, "smtp+starttls://localhost:%d" % second.port, CERTS.ca)
        assert status != 0
        assert "FAIL" in out
        tap.has(out, "offers no encryption")
        assert b"c2VjcmV0" not in server.said() + second.said() and b"secret" not in server.said() + second.said()


def test_nonsense_is_told_as_nonsense(tmp):
    with FakeServer("S: HTTP/1.1 400 Bad Request", CERTS) as server, FakeServer("S: HTTP/1.1 400 Bad Request", CERTS) as second:
        status, steps, out = account(tmp, "imap+insecure://localhost:%d" % server.port, "smtp+insecure://localhost:%d" % second.port, CERTS.ca)
    assert status != 0
    tap.eq(out.count("FAIL"), 2, out)


def test_an_account_that_cannot_send_is_told_so(tmp):
    with servers(tmp) as server:
        status, steps, out = account(tmp, "imaps://localhost:%(imaps)d" % server.port, None, server.ca)
        tap.eq(status, 0, out)
        tap.eq(steps["SMTP server"][0], "warn", out)


tap.main()
