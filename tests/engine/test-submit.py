# tests/engine/test-submit.py: the submit role with a real outbox: states, cuts, kill -9; never twice without consent, never lost
# SPDX-License-Identifier: GPL-3.0-or-later
import base64
import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import tap
from fake_server import Certs, Closed, FakeServer
from frames import Codec, Worker

SRCDIR = os.environ.get("SUREL_SRCDIR", ".")
PROBE = os.path.join(os.environ.get("SUREL_BUILDDIR", "."), "tests/engine/submit-probe")
FOLDER = tempfile.TemporaryDirectory(prefix="surel-submit-")
CERTS = Certs(FOLDER.name)
CODEC = Codec(SRCDIR)
HELD, QUEUED, SENDING, COMMITTING, ACCEPTED, FILED, UNKNOWN, FAILED, CANCELLED = range(9)
DONE, RETRY, STOP = 0, 75, 77


class Smtpd:
    """A submission server that remembers what it took responsibility for. answers as in test-smtp.py; hook(event, conn) is called
    at each event: greeting, ehlo, mail, rcpt, data, body (all but the dot arrived), dot (before the answer), answered."""

    def __init__(self, answers=None, hook=None, caps=("PIPELINING", "AUTH PLAIN", "8BITMIME"), password="secret"):
        self.answers, self.hook, self.caps, self.password = answers or {}, hook, caps, password
        self.accepted = []      # (recipients, text)
        self.sessions = 0
        self.lock = threading.Lock()

    def event(self, name, conn):
        if self.hook:
            self.hook(name, conn)

    def reply(self, key, preset):
        answer = self.answers.get(key, preset)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else preset
        return answer + "\r\n"

    def __call__(self, conn):
        self.sessions += 1
        self.event("greeting", conn)
        conn.send("220 fake ESMTP\r\n")
        recipients = []
        while True:
            line = conn.line().decode("utf-8", "surrogateescape")
            verb = line.upper().split(" ")[0]
            if verb == "EHLO":
                self.event("ehlo", conn)
                lines = ["fake"] + list(self.caps)
                conn.send("".join("250%s%s\r\n" % ("-" if i + 1 < len(lines) else " ", text) for i, text in enumerate(lines)))
            elif verb == "AUTH":
                good = base64.b64decode(line.split(" ")[2]).endswith(b"\0" + self.password.encode())
                conn.send("235 2.7.0 welcome\r\n" if good else "535 5.7.8 wrong password\r\n")
            elif verb == "MAIL":
                recipients = []
                self.event("mail", conn)
                conn.send(self.reply("MAIL", "250 2.1.0 fine"))
            elif verb == "RCPT":
                address = line[line.index("<") + 1:line.index(">")]
                self.event("rcpt", conn)
                answer = self.reply(address, "250 2.1.5 fine")
                if answer.startswith("2"):
                    recipients.append(address)
                conn.send(answer)
            elif verb == "DATA":
                self.event("data", conn)
                answer = self.reply("DATA", "354 go on")
                conn.send(answer)
                if answer.startswith("354"):
                    self.text(conn, recipients)
            elif verb == "QUIT":
                conn.send("221 bye\r\n")
                return
            else:
                conn.send(self.reply(verb, "250 2.0.0 fine"))

    def text(self, conn, recipients):
        # a watcher of the last bytes before the dot: the message ends in "END" CR LF
        while b"END\r\n" not in conn.buffer:
            conn.fill()
        self.event("body", conn)
        text = conn.until(b"\r\n.\r\n")
        answer = self.reply("DOT", "250 2.0.0 queued")
        if answer.startswith("2"):
            with self.lock:
                self.accepted.append((list(recipients), text))
        self.event("dot", conn)
        conn.send(answer)
        self.event("answered", conn)

    def deliveries(self, message_id):
        return sum(1 for _, text in self.accepted if message_id.encode() in text)


class Place:
    """A data directory with one account whose servers are where we say."""

    def __init__(self, tmp, port, tls="smtp+insecure", host="127.0.0.1", password="secret", more=""):
        self.tmp = tmp
        self.conf = os.path.join(tmp, "surel.conf")
        self.env = dict(os.environ, SUREL_CONFIG=self.conf, SUREL_DATA=os.path.join(tmp, "data"), XDG_STATE_HOME=os.path.join(tmp, "state"),
                        HOME=tmp, XDG_CONFIG_HOME=os.path.join(tmp, "config"), XDG_DATA_HOME=os.path.join(tmp, "xdg"))
        self.write(port, tls, host, more)
        self.secret(password)
        self.number = 0

    def write(self, port, tls="smtp+insecure", host="127.0.0.1", more=""):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write("[account work]\nincoming = imap+insecure://127.0.0.1:9\noutgoing = %s://%s:%d\nuser = siti\nfrom = Siti <siti@example.org>\n"
                       "ca_file = %s\n%s\n" % (tls, host, port, CERTS.ca, more))

    def secret(self, password):
        path = os.path.join(self.tmp, "secrets")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("work = %s\n" % password)

    def probe(self, *arguments):
        done = subprocess.run([PROBE] + [str(a) for a in arguments], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=tap.limit(30), check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout.decode()

    def add(self, *to, size=100):
        self.number += 1
        message_id = "m%d.%s@example.org" % (self.number, os.path.basename(self.tmp))
        path = os.path.join(self.tmp, "mail.eml")
        with open(path, "wb") as file:
            file.write(b"From: <siti@example.org>\r\nTo: <%s>\r\nSubject: x\r\nMessage-ID: <%s>\r\n\r\n" % (to[0].encode(), message_id.encode()))
            file.write(b"word\r\n" * (size // 6) + b"END\r\n")
        return int(self.probe("add", "work", path, message_id, "siti@example.org", *to)), message_id

    def show(self, number):
        lines = self.probe("show", "work", number).splitlines()
        row = dict(line.split(" ", 1) for line in lines if not line.startswith("rcpt "))
        row = {"state": int(row["state"]), "attempts": int(row["attempts"]), "next": int(row["next"]), "reply": row.get("reply", "")}
        row["rcpts"] = {line.split(" ")[1]: int(line.split(" ")[2]) for line in lines if line.startswith("rcpt ")}
        return row

    def state(self, number):
        return self.show(number)["state"]

    def again(self, number):
        self.probe("again", "work", number)

    def copies(self, message_id):
        return int(self.probe("copies", "work", message_id))

    def unlimit(self):
        """Forgets how much was sent lately: the rate limit is not what is tested here."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.env["SUREL_DATA"], "accounts/work/ops.db"), timeout=10)) as db, db:
            db.execute("DELETE FROM rate")

    def worker(self, **more):
        return Worker(CODEC, tap.surel(), "submit", "work", env=self.env, **more)

    def run(self, timeout=30, quit_when_idle=True):
        """Runs the worker to its end; returns its status and frames."""
        worker = self.worker()
        try:
            if quit_when_idle and worker.wait_frame("STATE", lambda v: v["state"] != 5 and v["state"] != 0, timeout):
                worker.send("QUIT", reason=0)
            status = worker.wait_end(timeout)
            assert status is not None, "still running: %r" % worker.frames
            return status, worker.frames
        finally:
            worker.close()


def setup(tmp, smtpd, **more):
    server = FakeServer(smtpd, CERTS)
    return server, Place(tmp, server.port, **more)


def texts(frames, name):
    return [values["text"] for frame, values in frames if frame == name]


def test_a_message_goes_out_and_gets_one_sent_copy(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    with server:
        number, message_id = place.add("b@example.org", "c@example.org")
        tap.eq(place.state(number), HELD)
        status, frames = place.run()
        tap.eq(status, DONE)
        tap.eq(place.state(number), FILED)
        tap.eq([recipients for recipients, _ in smtpd.accepted], [["b@example.org", "c@example.org"]])
        tap.eq([v["state"] for f, v in frames if f == "OUTBOX" and v["id"] == number], [SENDING, COMMITTING, ACCEPTED, FILED])
        tap.eq(place.copies(message_id), 1)
        place.run()
        tap.eq(place.copies(message_id), 1)
        tap.eq(len(smtpd.accepted), 1)


def test_many_messages_share_a_connection(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    with server:
        rows = [place.add("b@example.org") for _ in range(12)]
        tap.eq(place.run()[0], DONE)
        tap.eq([place.state(n) for n, _ in rows], [FILED] * 12)
        tap.eq([smtpd.deliveries(m) for _, m in rows], [1] * 12)
        tap.eq(smtpd.sessions, 1)


def test_with_nothing_to_do_it_ends_without_connecting(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    with server:
        tap.eq(place.run(quit_when_idle=False)[0], DONE)
        tap.eq(smtpd.sessions, 0)


def test_a_wrong_password_stops_and_keeps_the_message(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd, password="wrong")
    with server:
        number, message_id = place.add("b@example.org")
        status, frames = place.run()
        tap.eq(status, STOP)
        tap.eq(place.state(number), QUEUED)
        tap.has(" ".join(texts(frames, "STATE")), "535 5.7.8 wrong password")
        tap.eq(place.show(number)["attempts"], 0)
        place.secret("secret")
        tap.eq(place.run()[0], DONE)
        tap.eq(place.state(number), FILED)
        tap.eq(smtpd.deliveries(message_id), 1)


def test_a_server_that_is_down_keeps_the_message_without_counting(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    server.close()
    number, message_id = place.add("b@example.org")
    status, frames = place.run()
    tap.eq(status, RETRY)
    row = place.show(number)
    tap.eq((row["state"], row["attempts"]), (QUEUED, 0))
    assert 5 < row["next"] - time.time() < 70, row
    tap.has(" ".join(texts(frames, "STATE")), "nothing listens there")
    with FakeServer(smtpd, CERTS) as server:
        place.write(server.port)
        place.again(number)
        tap.eq(place.run()[0], DONE)
    tap.eq(smtpd.deliveries(message_id), 1)


def test_an_unknown_host_and_a_foreign_certificate_keep_the_message(tmp):
    server, place = setup(tmp, Smtpd())
    server.close()
    number, _ = place.add("b@example.org")
    place.write(465, "smtps", "no-such-host.invalid")
    status, frames = place.run(timeout=60)
    tap.eq((status, place.state(number)), (RETRY, QUEUED))
    tap.has(" ".join(texts(frames, "STATE")), "no-such-host.invalid")
    for cert, words in (("foreign", "unknown authority"), ("expired", "expired on 2021-01-01"), ("wronghost", "is for mail.elsewhere.example")):
        smtpd = Smtpd()
        with FakeServer(smtpd, CERTS, cert) as server:
            place.write(server.port, "smtps", "localhost")
            place.again(number)
            status, frames = place.run()
            tap.eq((status, place.state(number)), (RETRY, QUEUED), cert)
            tap.has(" ".join(texts(frames, "STATE")), words)
            tap.eq(smtpd.accepted, [])


def test_a_5xx_recipient_fails_the_message_and_sends_nothing(tmp):
    smtpd = Smtpd(answers={"c@example.org": "550 5.1.1 no such person"})
    server, place = setup(tmp, smtpd)
    with server:
        number, _ = place.add("b@example.org", "c@example.org")
        status, frames = place.run()
        row = place.show(number)
        tap.eq((row["state"], row["rcpts"]), (FAILED, {"b@example.org": 0, "c@example.org": 550}))
        tap.has(row["reply"], "550 5.1.1 no such person")
        tap.eq(smtpd.accepted, [])
        # a second start leaves it alone
        place.run()
        tap.eq(smtpd.accepted, [])


def test_a_4xx_recipient_waits_with_the_whole_message_then_it_is_split(tmp):
    smtpd = Smtpd(answers={"c@example.org": ["450 4.2.0 later"] * 4})
    server, place = setup(tmp, smtpd)
    with server:
        number, message_id = place.add("b@example.org", "c@example.org")
        for attempt, minutes in ((1, 1), (2, 5), (3, 15)):
            tap.eq(place.run()[0], DONE)
            row = place.show(number)
            tap.eq((row["state"], row["attempts"]), (QUEUED, attempt))
            assert abs(row["next"] - time.time() - minutes * 60) < 20, (attempt, row)
            tap.eq(smtpd.accepted, [])
            place.again(number)
        place.run()
        row = place.show(number)
        tap.eq((row["state"], row["rcpts"]), (QUEUED, {"b@example.org": 250, "c@example.org": 450}))
        tap.eq([r for r, _ in smtpd.accepted], [["b@example.org"]])
        place.again(number)
        place.run()
        tap.eq(place.state(number), FILED)
        tap.eq([r for r, _ in smtpd.accepted], [["b@example.org"], ["c@example.org"]])
        tap.eq(place.copies(message_id), 1)


def test_refusals_after_the_text_are_final_or_not(tmp):
    for answer, state in (("554 5.7.1 spam", FAILED), ("452 4.3.1 full", QUEUED), ("421 4.3.0 bye", QUEUED)):
        smtpd = Smtpd(answers={"DOT": answer})
        os.makedirs(os.path.join(tmp, answer[:3]))
        server, place = setup(os.path.join(tmp, answer[:3]), smtpd)
        with server:
            number, _ = place.add("b@example.org")
            place.run()
            row = place.show(number)
            tap.eq(row["state"], state, answer)
            tap.has(row["reply"], answer)


def test_a_slow_down_pauses_the_whole_queue(tmp):
    smtpd = Smtpd(answers={"MAIL": "450 4.7.1 too many messages, slow down"})
    server, place = setup(tmp, smtpd)
    with server:
        rows = [place.add("b@example.org")[0] for _ in range(3)]
        place.run()
        for number in rows:
            row = place.show(number)
            tap.eq(row["state"], QUEUED)
            assert row["next"] - time.time() > 550, row
        tap.eq(smtpd.sessions, 1)


def test_a_login_wanted_at_mail_stops(tmp):
    smtpd = Smtpd(answers={"MAIL": "530 5.7.0 log in first"}, caps=("PIPELINING",))
    server, place = setup(tmp, smtpd)
    with server:
        number, _ = place.add("b@example.org")
        tap.eq(place.run()[0], STOP)
        tap.eq(place.state(number), QUEUED)


def test_a_cut_before_the_dot_is_retried_and_after_it_is_uncertain(tmp):
    for event, state in (("greeting", QUEUED), ("ehlo", QUEUED), ("mail", QUEUED), ("rcpt", QUEUED), ("data", QUEUED), ("dot", UNKNOWN)):
        folder = os.path.join(tmp, event)
        os.makedirs(folder)
        armed = [True]
        def hook(name, conn):
            if name == event and armed[0]:
                conn.cut()
        smtpd = Smtpd(hook=hook)
        server, place = setup(folder, smtpd)
        with server:
            number, message_id = place.add("b@example.org")
            place.run()
            tap.eq(place.state(number), state, event)
            armed[0] = False
            if state == UNKNOWN:
                # never again without the person's word
                place.run()
                tap.eq((place.state(number), smtpd.deliveries(message_id)), (UNKNOWN, 1))
                continue
            place.again(number)
            place.run()
            tap.eq((place.state(number), smtpd.deliveries(message_id)), (FILED, 1), event)


def test_an_uncertain_delivery_is_settled_by_what_the_server_shows(tmp):
    for role, state, copies in ((1, FILED, 2), (3, FILED, 1), (2, UNKNOWN, 1)):
        folder = os.path.join(tmp, str(role))
        os.makedirs(folder)
        smtpd = Smtpd(hook=lambda name, conn: conn.cut() if name == "dot" else None)
        server, place = setup(folder, smtpd)
        with server:
            number, message_id = place.add("siti@example.org")
            place.run()
            tap.eq(place.state(number), UNKNOWN)
            # it comes back to us, or the provider saved it among the sent ones; a draft on the server is no evidence
            place.probe("arrive", "work", message_id, role)
            place.run(quit_when_idle=False)
            tap.eq((place.state(number), place.copies(message_id), smtpd.deliveries(message_id)), (state, copies, 1), role)


def test_an_idle_connection_that_was_closed_is_opened_again_at_once(tmp):
    smtpd = Smtpd()
    def hook(name, conn):
        if name == "answered" and smtpd.sessions == 1:
            conn.close()
            raise Closed()
    smtpd.hook = hook
    server, place = setup(tmp, smtpd)
    with server:
        rows = [place.add("b@example.org") for _ in range(2)]
        place.run()
        tap.eq([place.state(n) for n, _ in rows], [FILED, FILED])
        tap.eq([smtpd.deliveries(m) for _, m in rows], [1, 1])


def kill_at(tmp, event):
    """kill -9 of the worker at an event of the server; then the world goes on."""
    place_holder = {}
    def hook(name, conn):
        if name == event and place_holder.get("worker"):
            place_holder.pop("worker").process.kill()
            time.sleep(0.05)
    smtpd = Smtpd(hook=hook)
    server, place = setup(tmp, smtpd)
    with server:
        number, message_id = place.add("b@example.org", size=200)
        worker = place.worker()
        place_holder["worker"] = worker
        worker.wait_end(10)
        worker.close()
        place.run()
        return place.show(number)["state"], smtpd.deliveries(message_id), place.copies(message_id)


def test_kill_9_at_every_step_never_sends_twice_and_never_loses(tmp):
    for event, want in (("greeting", (FILED, 1, 1)), ("ehlo", (FILED, 1, 1)), ("mail", (FILED, 1, 1)), ("rcpt", (FILED, 1, 1)), ("data", (FILED, 1, 1)),
                        ("dot", (UNKNOWN, 1, 0))):
        folder = os.path.join(tmp, event)
        os.makedirs(folder)
        tap.eq(kill_at(folder, event), want, event)
    for event in ("body", "answered"):
        folder = os.path.join(tmp, event)
        os.makedirs(folder)
        state, delivered, copies = kill_at(folder, event)
        assert (state, delivered, copies) in ((FILED, 1, 1), (UNKNOWN, 1, 0), (UNKNOWN, 0, 0)), (event, state, delivered, copies)


def test_kill_9_at_random_moments_never_sends_twice_and_never_loses(tmp):
    """The invariant: filed or accepted means delivered once; queued again means it was not; else it says uncertain."""
    random.seed(int(os.environ.get("SUREL_SEED", "7")))
    rounds = int(os.environ.get("SUREL_ROUNDS", "25"))
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    uncertain = 0
    with server:
        for _ in range(rounds):
            number, message_id = place.add("b@example.org", size=random.choice((100, 200000)))
            place.unlimit()
            worker = place.worker()
            time.sleep(random.random() * 0.06)
            worker.close()
            state, delivered = place.state(number), smtpd.deliveries(message_id)
            if state in (ACCEPTED, FILED):
                tap.eq(delivered, 1, state)
            place.run()
            state, delivered = place.state(number), smtpd.deliveries(message_id)
            if state == UNKNOWN:
                uncertain += 1
                assert delivered <= 1
            else:
                tap.eq((state, delivered, place.copies(message_id)), (FILED, 1, 1))
    tap.note("%d rounds, %d uncertain" % (rounds, uncertain))


def test_cut_at_sampled_bytes_of_the_session_never_sends_twice(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    with server:
        number, message_id = place.add("b@example.org")
        place.run()
        out, came = server.conns[0].sent, server.conns[0].received
        for side, total in (("out", out), ("in", came)):
            for at in range(1, total, 11):
                number, message_id = place.add("b@example.org")
                place.unlimit()
                server.cut_out, server.cut_in = (at, None) if side == "out" else (None, at)
                place.run()
                server.cut_out = server.cut_in = None
                state = place.state(number)
                assert state in (QUEUED, UNKNOWN, FILED), (side, at, state)
                if state == QUEUED:
                    tap.eq(smtpd.deliveries(message_id), 0, (side, at))
                    place.again(number)
                    place.run()
                    tap.eq((place.state(number), smtpd.deliveries(message_id)), (FILED, 1), (side, at))
                elif state == FILED:
                    tap.eq(smtpd.deliveries(message_id), 1, (side, at))
                else:
                    assert smtpd.deliveries(message_id) <= 1


def test_quit_in_the_middle_of_the_text_takes_it_back(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    stalled, left = threading.Event(), threading.Event()
    def hook(name, conn):
        if name == "data":
            stalled.set()
            left.wait(120)
            conn.cut()
    smtpd.hook = hook
    with server:
        number, message_id = place.add("b@example.org")
        worker = place.worker()
        stalled.wait(tap.limit(10))
        worker.send("QUIT", reason=0)
        tap.eq(worker.wait_end(5), DONE, "ends while the server says nothing")
        left.set()
        worker.close()
        tap.eq(place.state(number), QUEUED)
        smtpd.hook = None
        place.run()
        tap.eq((place.state(number), smtpd.deliveries(message_id)), (FILED, 1))


def test_quit_while_the_server_confirms_waits_for_its_answer(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    at_dot = threading.Event()
    def hook(name, conn):
        if name == "dot":
            at_dot.set()
            time.sleep(0.6)
    smtpd.hook = hook
    with server:
        number, message_id = place.add("b@example.org")
        worker = place.worker()
        at_dot.wait(tap.limit(10))
        worker.send("QUIT", reason=0)
        tap.eq(worker.wait_end(10), DONE)
        worker.close()
        tap.eq((place.state(number), smtpd.deliveries(message_id), place.copies(message_id)), (FILED, 1, 1))


def test_a_supervisor_that_dies_while_the_server_confirms_loses_nothing(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    at_dot = threading.Event()
    def hook(name, conn):
        if name == "dot":
            at_dot.set()
            time.sleep(1)
    smtpd.hook = hook
    with server:
        number, message_id = place.add("b@example.org")
        worker = place.worker()
        at_dot.wait(tap.limit(10))
        worker.ours.close()
        # a new supervisor starts its own worker meanwhile: it must keep away
        second = place.worker()
        tap.eq(second.wait_end(10), RETRY)
        second.close()
        tap.eq(worker.process.wait(tap.limit(10)), DONE)
        tap.eq((place.state(number), smtpd.deliveries(message_id)), (FILED, 1))


def test_the_rate_limit_holds_over_a_restart(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    with server:
        rows = [place.add(*["r%d@example.org" % i for i in range(25)])[0] for _ in range(3)]
        place.run()
        place.run()
        tap.eq([place.state(n) for n in rows], [FILED, FILED, QUEUED])
        row = place.show(rows[2])
        assert row["attempts"] == 0 and row["next"] > time.time() + 60, row
        tap.has(row["reply"], "waiting, so that the provider does not take this for spam")


def test_an_accepted_message_is_filed_after_a_crash_in_between(tmp):
    smtpd = Smtpd()
    server, place = setup(tmp, smtpd)
    with server:
        number, message_id = place.add("b@example.org")
        # the Sent copy cannot be written: accepted stays accepted, and is not sent again
        broken = os.path.join(tmp, "data", "accounts", "work", "outbox")
        sent = [name for name in os.listdir(broken) if name.endswith(".sent")][0]
        os.rename(os.path.join(broken, sent), os.path.join(tmp, "away"))
        place.run()
        tap.eq((place.state(number), smtpd.deliveries(message_id)), (ACCEPTED, 1))
        os.rename(os.path.join(tmp, "away"), os.path.join(broken, sent))
        place.run()
        tap.eq((place.state(number), smtpd.deliveries(message_id), place.copies(message_id)), (FILED, 1, 1))


tap.main()
