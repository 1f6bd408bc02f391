# tests/engine/test-smtp.py: the SMTP dialogue against well-behaved, strict, odd and hostile servers
# SPDX-License-Identifier: GPL-3.0-or-later
import base64
import hashlib
import hmac
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import tap
from fake_server import Certs, FakeServer

PROBE = os.path.join(os.environ.get("SUREL_BUILDDIR", "."), "tests/engine/smtp-probe")
FOLDER = tempfile.TemporaryDirectory(prefix="surel-smtp-")
CERTS = Certs(FOLDER.name)
MAIL = os.path.join(FOLDER.name, "mail.eml")
TEXT = b"From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: dots\r\n\r\n.leading\r\n..two\r\n.\r\nlast line\r\n"
with open(MAIL, "wb") as mail_file:
    mail_file.write(TEXT)


def probe(port, flags="", tls="plain", to=("b@example.org",), sender="a@example.org", path=MAIL, secret="secret", timeout=40):
    done = subprocess.run([PROBE, "localhost", str(port), tls, CERTS.ca, "user", secret, flags, path, sender, *to],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=tap.limit(timeout), check=False)
    assert done.returncode in (0, 1), "died: %d %s" % (done.returncode, done.stdout)
    return done.stdout.decode("utf-8", "replace")


def run(script, cert=None, **more):
    with FakeServer(script, CERTS, cert) as server:
        out = probe(server.port, **more)
        time.sleep(0.02)
        assert not server.problems, server.problems
        return out, server


class Server:
    """A correct submission server; what differs comes as keywords."""

    def __init__(self, caps=("PIPELINING", "8BITMIME", "SIZE 1000000", "ENHANCEDSTATUSCODES"), starttls=None, auth=None, answers=None):
        self.caps, self.starttls, self.auth = list(caps), starttls, auth
        self.answers = answers or {}
        self.texts = []
        self.commands = []

    def ehlo(self, conn):
        caps = self.caps + (["STARTTLS"] if self.starttls and not conn.secure else [])
        if self.auth and (conn.secure or not self.starttls):
            caps.append("AUTH " + self.auth)
        lines = ["fake.example"] + caps
        return "".join("250%s%s\r\n" % ("-" if i + 1 < len(lines) else " ", line) for i, line in enumerate(lines))

    def reply(self, key, preset):
        answer = self.answers.get(key, preset)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else preset
        return answer + "\r\n"

    def __call__(self, conn):
        conn.send("220 fake.example ESMTP\r\n")
        while True:
            line = conn.line().decode("utf-8", "surrogateescape")
            self.commands.append(line)
            verb = line.upper().split(" ")[0].split(":")[0]
            if verb == "EHLO":
                conn.send(self.ehlo(conn))
            elif verb == "STARTTLS":
                conn.send("220 go\r\n")
                conn.starttls(self.starttls)
            elif verb == "AUTH":
                self.login(conn, line)
            elif verb == "RCPT":
                address = line[line.index("<") + 1:line.index(">")]
                conn.send(self.reply(address, "250 2.1.5 fine"))
            elif verb == "DATA":
                answer = self.reply("DATA", "354 go on")
                conn.send(answer)
                if answer.startswith("354"):
                    text = conn.until(b"\r\n.\r\n") + b"\r\n"
                    self.texts.append(text)
                    conn.send(self.reply("DOT", "250 2.0.0 queued as 1"))
            elif verb == "QUIT":
                conn.send("221 bye\r\n")
                return
            else:
                conn.send(self.reply(verb, "250 2.0.0 fine"))

    def login(self, conn, line):
        words = line.split(" ")
        if words[1] == "PLAIN":
            text = words[2] if len(words) > 2 else self.ask(conn, "")
            good = base64.b64decode(text) == b"\0user\0secret"
        elif words[1] == "LOGIN":
            good = self.ask(conn, "Username:") == "dXNlcg==" and self.ask(conn, "Password:") == "c2VjcmV0"
        elif words[1].startswith("SCRAM"):
            return self.scram(conn, words)
        else:
            text = words[2] if len(words) > 2 else self.ask(conn, "")
            good = b"auth=Bearer secret\x01" in base64.b64decode(text) or b"auth=Bearer " + b"t" * 1500 in base64.b64decode(text)
            if not good:
                self.ask(conn, '{"status":"401"}')
        conn.send("235 2.7.0 welcome\r\n" if good else self.reply("AUTH", "535 5.7.8 wrong password"))

    def ask(self, conn, challenge):
        conn.send("334 %s\r\n" % base64.b64encode(challenge.encode()).decode())
        return conn.line().decode()

    def scram(self, conn, words):
        first = base64.b64decode(words[2]).decode()
        gs2, bare = first[:first.index("n=")], first[first.index("n="):]
        nonce = bare.split("r=")[1] + "server"
        salt, rounds = b"0123456789abcdef", 4096
        server_first = "r=%s,s=%s,i=%d" % (nonce, base64.b64encode(salt).decode(), rounds)
        final = base64.b64decode(self.ask(conn, server_first)).decode()
        without, proof = final.rsplit(",p=", 1)
        salted = hashlib.pbkdf2_hmac("sha256", b"secret", salt, rounds)
        client = hmac.digest(salted, b"Client Key", "sha256")
        message = ",".join([bare, server_first, without]).encode()
        signature = hmac.digest(hashlib.sha256(client).digest(), message, "sha256")
        good = base64.b64decode(proof) == bytes(a ^ b for a, b in zip(client, signature)) and without.startswith("c=" + base64.b64encode(gs2.encode()).decode()[:6])
        if not good:
            conn.send("535 5.7.8 wrong password\r\n")
            return
        mine = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        if "forge" in self.answers:
            mine = bytes(32)
        reply = self.ask(conn, "v=" + base64.b64encode(mine).decode())
        conn.send("235 2.7.0 welcome\r\n" if reply == "" else "501 5.5.2 aborted\r\n")


def stuffed(text):
    return b"".join((b"." + line if line.startswith(b".") else line) for line in text.splitlines(keepends=True))


def test_a_message_goes_out_with_its_dots_doubled():
    server = Server()
    out, _ = run(server)
    tap.has(out, "send ready")
    tap.has(out, "commit accepted: 250 2.0.0 queued as 1\nusable 1")
    tap.eq(server.texts, [stuffed(TEXT)])
    tap.eq(server.commands, ["EHLO [127.0.0.1]", "MAIL FROM:<a@example.org> SIZE=%d" % len(TEXT), "RCPT TO:<b@example.org>", "DATA", "QUIT"])


def test_without_pipelining_each_command_waits_for_its_answer():
    server = Server(caps=())
    def script(conn):
        original = conn.line
        def one_line():
            line = original()
            assert not conn.buffer or line == b"DATA", "pipelined: %r" % conn.buffer
            return line
        conn.line = one_line
        server(conn)
    out, fake = run(script, to=("b@example.org", "c@example.org"))
    tap.has(out, "commit accepted")
    tap.has(str(server.commands), "MAIL FROM:<a@example.org>'")


def test_with_pipelining_mail_and_all_recipients_are_one_write():
    out, fake = run(Server(), to=["r%d@example.org" % i for i in range(20)])
    tap.has(out, "commit accepted")
    writes = [data for who, data in fake.conns[0].log if who == "C"]
    assert any(data.startswith(b"MAIL FROM") and data.count(b"RCPT TO") == 20 for data in writes), writes


def test_line_ends_become_crlf_and_can_never_end_the_text(tmp):
    cases = {b"a\n.\nb\n": b"a\r\n..\r\nb\r\n", b"a\r.\rb": b"a\r\n..\r\nb\r\n", b"x\r\n.\r\nMAIL": b"x\r\n..\r\nMAIL\r\n", b"": b"\r\n"[:0],
             b".": b"..\r\n", b"a\r\r\n.\r\n": b"a\r\n\r\n..\r\n", b"end without": b"end without\r\n", b"a\n\r.\r\n": b"a\r\n\r\n..\r\n", b"\r": b"\r\n"}
    for i, (text, wire) in enumerate(cases.items()):
        path = os.path.join(tmp, "m%d" % i)
        with open(path, "wb") as file:
            file.write(text)
        server = Server()
        def script(conn):
            server(conn)
        if not text:
            continue
        out, _ = run(script, path=path)
        tap.has(out, "commit accepted", repr(text))
        tap.eq(server.texts, [wire], repr(text))


def test_a_line_end_over_the_read_buffer_is_one_line_end(tmp):
    path = os.path.join(tmp, "big")
    with open(path, "wb") as file:
        file.write(b"x" * 65535 + b"\r\n.\r\n" + b"y" * 65531 + b"\r\n" + b"z" * 300000)
    server = Server()
    tap.has(run(server, path=path)[0], "commit accepted")
    tap.eq(server.texts, [b"x" * 65535 + b"\r\n..\r\n" + b"y" * 65531 + b"\r\n" + b"z" * 300000 + b"\r\n"])


def test_two_messages_use_one_connection():
    server = Server()
    out, fake = run(server, flags="2")
    tap.eq(out.count("commit accepted"), 2)
    tap.eq(len(fake.conns), 1)


def test_starttls_then_login_and_capabilities_are_asked_again():
    server = Server(starttls="good", auth="PLAIN LOGIN")
    out, fake = run(server, tls="starttls")
    tap.has(out, "commit accepted")
    tap.eq(server.commands[:3], ["EHLO [127.0.0.1]", "STARTTLS", "EHLO [127.0.0.1]"])


def test_implicit_tls_logs_in():
    for auth in ("PLAIN", "LOGIN", "SCRAM-SHA-256 PLAIN", "PLAIN LOGIN SCRAM-SHA-256"):
        server = Server(auth=auth)
        out, _ = run(server, cert="good", tls="tls")
        tap.has(out, "commit accepted", auth)
        tap.has(server.commands[1], "AUTH SCRAM-SHA-256" if "SCRAM" in auth else "AUTH " + auth, auth)


def test_tokens_log_in_by_oauthbearer_or_xoauth2():
    for auth, word in (("PLAIN XOAUTH2", "XOAUTH2"), ("XOAUTH2 OAUTHBEARER PLAIN", "OAUTHBEARER")):
        server = Server(auth=auth)
        tap.has(run(server, cert="good", tls="tls", flags="o")[0], "commit accepted")
        tap.has(server.commands[1], "AUTH " + word)
        out, _ = run(Server(auth=auth), cert="good", tls="tls", flags="o", secret="stale")
        tap.has(out, "error login refused: the server refused the token")
        tap.has(out, "401")


def test_a_long_token_waits_for_the_empty_challenge():
    server = Server(auth="XOAUTH2")
    tap.has(run(server, cert="good", tls="tls", flags="o", secret="t" * 1500)[0], "commit accepted")
    tap.eq(server.commands[1], "AUTH XOAUTH2")


def test_a_wrong_password_is_told_with_the_servers_words():
    for auth in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        out, _ = run(Server(auth=auth), cert="good", tls="tls", secret="wrong")
        tap.has(out, "error login refused:", auth)
        tap.has(out, "535 5.7.8 wrong password", auth)


def test_a_temporary_login_failure_is_not_a_wrong_password():
    out, _ = run(Server(auth="PLAIN", answers={"AUTH": "454 4.7.0 busy"}), cert="good", tls="tls", secret="wrong")
    tap.has(out, "error refused by server:")
    tap.has(out, "454 4.7.0 busy")


def test_a_server_that_cannot_prove_itself_gets_no_mail():
    server = Server(auth="SCRAM-SHA-256", answers={"forge": True})
    out, _ = run(server, cert="good", tls="tls")
    tap.has(out, "could not prove that it knows the password")
    assert not any(c.startswith("MAIL") for c in server.commands)


def test_no_password_goes_out_before_encryption():
    server = Server(auth="PLAIN LOGIN")
    out, fake = run(server, tls="starttls")
    tap.has(out, "error bad reply from server")
    tap.has(out, "offers no encryption")
    assert b"AUTH" not in fake.said()


# answers of the server -> verdicts, words
PER_RECIPIENT = [
    ({"b@example.org": "550 5.1.1 no such user"}, "send refused: b@example.org: 550 5.1.1 no such user", True),
    ({"b@example.org": "450 4.2.1 try later"}, "send later: b@example.org: 450 4.2.1", True),
    ({"b@example.org": "450 4.2.1 later", "c@example.org": "550 5.1.1 never"}, "send refused: c@example.org: 550", True),
    ({"b@example.org": "550 5.1.1 never", "c@example.org": "450 4.2.1 later"}, "send refused: b@example.org: 550", True),
    ({"b@example.org": "421 4.3.2 closing"}, "send later: b@example.org: 421", False),
    ({"b@example.org": "551 elsewhere"}, "send refused: b@example.org: 551", True),
    ({"b@example.org": "552 5.2.2 full"}, "send refused: b@example.org: 552", True),
    ({"b@example.org": "530 5.7.0 log in first"}, "send auth: b@example.org: 530", True),
    ({"MAIL": "550 5.7.1 not from you"}, "send refused: 550 5.7.1 not from you", True),
    ({"MAIL": "451 4.3.0 later"}, "send later: 451", True),
    ({"MAIL": "530 5.7.0 log in"}, "send auth: 530", True),
    ({"MAIL": "552 5.3.4 too big"}, "send refused: 552", True),
    ({"MAIL": "421 4.4.2 bye"}, "send later: 421", False),
    ({"DATA": "554 5.5.1 no"}, "send refused: 554", True),
    ({"DATA": "451 4.3.0 disk"}, "send later: 451", True),
    ({"DATA": "421 4.3.0 shutting down"}, "send later: 421", False),
    ({"DATA": "250 eh?"}, "send lost", False),
    ({"DOT": "554 5.7.1 spam"}, "commit refused: 554 5.7.1 spam", True),
    ({"DOT": "452 4.3.1 disk full"}, "commit later: 452", True),
    ({"DOT": "552 5.3.4 too big"}, "commit refused: 552", True),
    ({"DOT": "421 4.3.0 bye"}, "commit later: 421", False),
    ({"DOT": "250"}, "commit accepted: 250", True),
    ({"DOT": "251 fine"}, "commit accepted: 251", True),
    ({"DOT": "354 more?"}, "commit lost", False),
    ({"DOT": "999 what"}, "commit lost", False),
    ({"DOT": "25"}, "commit lost", False),
    ({"DOT": "ok"}, "commit lost", False),
]


def test_every_refusal_has_its_verdict():
    for caps in (("PIPELINING",), ()):
        for answers, words, usable in PER_RECIPIENT:
            server = Server(caps=caps, answers=dict(answers))
            out, _ = run(server, to=("b@example.org", "c@example.org"))
            tap.has(out, words, str((caps, answers)))
            tap.has(out, "usable %d" % usable, str((caps, answers)))
            if "send ready" not in out:
                tap.eq(server.texts, [], str(answers))


def test_after_a_refused_recipient_nothing_is_sent_to_the_others():
    server = Server(answers={"c@example.org": "550 5.1.1 no"})
    out, _ = run(server, to=("b@example.org", "c@example.org", "d@example.org"))
    tap.has(out, "rcpt c@example.org 550 5.1.1 no")
    tap.eq(server.texts, [])
    assert "RSET" in server.commands and "DATA" not in server.commands, server.commands


def test_split_sends_to_those_who_can_have_it():
    server = Server(answers={"c@example.org": "450 4.2.0 later"})
    out, _ = run(server, flags="s", to=("b@example.org", "c@example.org"))
    tap.has(out, "rcpt c@example.org 450")
    tap.has(out, "commit accepted")
    server = Server(answers={"c@example.org": "450 4.2.0 later"})
    out, _ = run(server, flags="s", to=("c@example.org",))
    tap.has(out, "send later")
    tap.eq(server.texts, [])


def test_a_message_over_the_size_limit_is_refused_before_mail():
    server = Server(caps=("SIZE 50",))
    out, _ = run(server)
    tap.has(out, "send refused: the message has %d B, this server takes at most 50 B" % len(TEXT))
    assert not any(c.startswith("MAIL") for c in server.commands)


def test_size_zero_and_odd_sizes_are_no_limit():
    for size in ("SIZE", "SIZE 0", "SIZE 99999999999999999999999", "SIZE -5", "SIZE x", "SIZE  1000000"):
        tap.has(run(Server(caps=(size,)))[0], "commit accepted", size)


def test_addresses_beyond_ascii_need_smtputf8():
    out, _ = run(Server(), to=("bücher@example.org",))
    tap.has(out, "send refused: this server cannot send to addresses with letters beyond ASCII")
    server = Server(caps=("SMTPUTF8", "8BITMIME"))
    out, _ = run(server, flags="u8", to=("bücher@example.org",))
    tap.has(out, "commit accepted")
    tap.has(server.commands[1], "MAIL FROM:<a@example.org> BODY=8BITMIME SMTPUTF8")


def test_eight_bit_text_needs_8bitmime():
    tap.has(run(Server(caps=()), flags="8")[0], "send refused: this server takes only 7-bit text")
    server = Server(caps=("8BITMIME",))
    tap.has(run(server, flags="8")[0], "commit accepted")
    tap.has(server.commands[1], "BODY=8BITMIME")


def test_an_address_cannot_smuggle_a_command():
    for bad in ("x@y>\r\nRCPT TO:<evil@example.org", "a>b@example.org", "a b@example.org", "a\tb@c", ""):
        server = Server()
        out, fake = run(server, to=(bad,))
        tap.has(out, "send refused", repr(bad))
        assert b"RCPT" not in fake.said() and b"MAIL" not in fake.said(), bad


def test_a_missing_file_is_our_own_fault():
    out, fake = run(Server(), path="/nonexistent/mail")
    tap.has(out, "send broken: /nonexistent/mail")
    assert b"MAIL" not in fake.said()


# Name -> (what the server does, what must be in the output). None of these may crash, hang or claim success.
EHLO = "220 x\n"
HOSTILE = {
    "greeting is nonsense": ("S: hello there", "bad reply"),
    "greeting is a web server": ("S: HTTP/1.1 400 Bad Request", "bad reply"),
    "greeting is 554": ("S: 554 5.3.2 no service here", "554 5.3.2 no service here"),
    "greeting is 421": ("S: 421 too many connections", "421 too many connections"),
    "greeting is empty": ("S!: \\r\\n", "bad reply"),
    "greeting is binary": ("S!: \\x00\\x01\\xff\\xfe\\r\\n", "bad reply"),
    "greeting is 334": ("S: 334 what", "refused by server"),
    "greeting never comes": ("W: 3", "no answer for 2 seconds"),
    "greeting is a hang up": ("X:", "no connection"),
    "greeting without end": ("S!: 220 " + "x" * 6000, "longer than 4096 bytes"),
    "greeting of endless lines": ("S!: " + "220-x\\r\\n" * 300, "bad reply"),
    "greeting with mixed codes": ("S: 220-hello\nS: 250 there", "bad reply"),
    "greeting with four digits": ("S: 2200 hello", "bad reply"),
    "greeting with code 199": ("S: 199 hello", "bad reply"),
    "greeting with code 600": ("S: 600 hello", "bad reply"),
    "greeting with minus only": ("S: 220-\nX:", "no connection"),
    "greeting with terminal codes": ("S!: 554 \\x1b[2J\\x1b]0;owned\\x07 no\\r\\n", "554"),
    "EHLO with AUTH and a TAB": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250 AUTH \\tX\\r\\n", "not supported"),
    "EHLO with AUTH and nothing": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250 AUTH\\r\\n", "not supported"),
    "EHLO with AUTH= only": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250 AUTH=\\r\\n", "not supported"),
    "EHLO with blanks": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250-   \\r\\n250 \\t\\t\\r\\nC: MAIL.*\nX:", "send lost"),
    "EHLO with 500 mechanisms": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250 AUTH " + "M " * 500 + "\\r\\n", "not supported"),
    "EHLO with NUL": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250 AUTH\\x00PLAIN\\r\\n", "not supported"),
    "EHLO refused with 550": ("S: 220 x\nC: EHLO .*\nS: 550 go away", "550 go away"),
    "EHLO and HELO unknown": ("S: 220 x\nC: EHLO .*\nS: 502 what\nC: HELO .*\nS: 502 what", "does not greet back"),
    "EHLO answered by a cut": ("S: 220 x\nC: EHLO .*\nX:", "no connection"),
    "EHLO answered in bytes over time": ("S: 220 x\nC: EHLO .*\nS!: 25\nW: 0.2\nS!: 0 x\\r\nW: 0.2\nS!: \\n\nC: MAIL.*\nX:", "send lost"),
    "EHLO with bare LF": ("S!: 220 x\\n\nC: EHLO .*\nS!: 250 x\\n\nC: MAIL.*\nX:", "send lost"),
    "EHLO with half a reply": ("S: 220 x\nC: EHLO .*\nS!: 250-x\\r\\n250-SI\nX:", "no connection"),
    "MAIL answered twice": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS!: 250 a\\r\\n554 b\\r\\n\nC: RCPT.*\nC: RSET\nS: 250 c\nX:", "send refused"),
    "MAIL answered by 354": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 354 go\nX:", "send refused"),
    "RCPT answered by 354": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 250 x\nC: RCPT.*\nS: 354 go\nX:", "send refused"),
    "RCPT answered by nonsense": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 250 x\nC: RCPT.*\nS: \\o/", "send lost"),
    "RCPT never answered": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 250 x\nC: RCPT.*\nW: 3", "send lost"),
    "DATA answered by a cut": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 250 x\nC: RCPT.*\nS: 250 x\nC: DATA\nX:", "send lost"),
    "DATA answered by 354 and a cut": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 250 x\nC: RCPT.*\nS: 250 x\nC: DATA\nS: 354 go\nX:", "lost"),
    "DATA answered by 354 and 552": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 250 x\nC: RCPT.*\nS: 250 x\nC: DATA\nS: 354 go\nS: 552 too big\nW: 0.3", "refused"),
    "RSET answered by nonsense": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 550 no\nC: RSET\nS: whatever", "send refused: 550 no\nusable 0"),
    "RSET answered by a refusal": ("S: 220 x\nC: EHLO .*\nS: 250 x\nC: MAIL.*\nS: 550 no\nC: RSET\nS: 500 what", "send refused: 550 no\nusable 0"),
    "a reply of 200 kB": ("S: 220 x\nC: EHLO .*\nS!: " + ("250-" + "y" * 1000 + "\\r\\n") * 210, "bad reply"),
    "codes that go back to plain text": ("S: 220 x\nC: EHLO .*\nS: 250-x\nS: evil", "bad reply"),
}


def test_hostile_servers_are_refused_without_harm():
    for name, (script, words) in HOSTILE.items():
        with FakeServer(script, CERTS) as server:
            out = probe(server.port, timeout=20)
        tap.has(out, words, name)
        assert "commit accepted" not in out, name
        assert "\x1b" not in out and "\x07" not in out, name
    tap.note("%d scenarios" % len(HOSTILE))


HOSTILE_LOGIN = {
    "challenge without end": ("334 " + "A" * 5000, "longer than 4096"),
    "challenge is no base64": ("334 ***", "login refused"),
    "challenge to PLAIN again": ("334 ", "login refused"),
    "235 at once": ("235 fine", None),
    "hang up": (None, "no connection"),
    "503": ("503 what", "login refused"),
    "nonsense": ("yes", "bad reply"),
}


def test_hostile_logins_are_refused():
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        for name, (answer, words) in HOSTILE_LOGIN.items():
            def script(conn):
                conn.send("220 x\r\n")
                conn.line()
                conn.send("250-x\r\n250 AUTH %s\r\n" % mechanism)
                while conn.line() != b"QUIT" and answer:
                    conn.send(answer + "\r\n")
                if not answer:
                    conn.cut()
            with FakeServer(script, CERTS, "good") as server:
                out = probe(server.port, tls="tls", timeout=20)
            if words:
                tap.has(out, "error", mechanism + " " + name)
                assert "commit accepted" not in out
            if mechanism != "PLAIN":
                tap.has(out, "error", mechanism + " " + name)


def test_starttls_injection_is_refused():
    with FakeServer("S: 220 x\nC: EHLO.*\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS!: 220 go\\r\\n250-evil\\r\\n250 AUTH PLAIN\\r\\n\nT: good", CERTS) as server:
        tap.has(probe(server.port, tls="starttls"), "smuggled in")


def test_cut_after_every_byte_the_server_sends():
    """Only when the whole 250 after the dot arrived is the message accepted; before the dot it is provably not."""
    server = Server(caps=("PIPELINING",))
    with FakeServer(server, CERTS) as fake:
        probe(fake.port)
        total = fake.conns[0].sent
    accepted = "".join(["220 fake.example ESMTP\r\n", "250-fake.example\r\n250 PIPELINING\r\n", "250 2.0.0 fine\r\n", "250 2.1.5 fine\r\n", "354 go on\r\n"])
    for at in range(total):
        server = Server(caps=("PIPELINING",))
        with FakeServer(server, CERTS) as fake:
            fake.cut_out = at
            fake.cut_kind = "fin" if at % 2 else "reset"
            out = probe(fake.port, timeout=20)
        whole = len(accepted) + len("250 2.0.0 queued as 1\r\n")
        if at < len(accepted):
            assert "commit" not in out, (at, out)
        elif at < whole:
            assert "commit lost" in out, (at, out)
        else:
            assert "commit accepted" in out, (at, out)
    tap.note("%d positions" % total)


def test_cut_after_every_byte_the_client_sends():
    server = Server(caps=("PIPELINING",))
    with FakeServer(server, CERTS) as fake:
        probe(fake.port)
        total = fake.conns[0].received
    for at in range(1, total):
        server = Server(caps=("PIPELINING",))
        with FakeServer(server, CERTS) as fake:
            fake.cut_in = at
            out = probe(fake.port, timeout=20)
        delivered = len(server.texts)
        if "commit accepted" in out:
            tap.eq(delivered, 1, at)
        elif delivered:
            tap.has(out, "commit lost", at)
    tap.note("%d positions" % total)


tap.main()
