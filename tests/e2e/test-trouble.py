#!/usr/bin/python3
# tests/e2e/test-trouble.py: what bad input gets: one clear sentence, what was kept, what to do, and nothing lost
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import re
import time

from world import World, message, tap
from fake_imap import FakeImap
from fake_server import Certs
from proxy import Proxy


def edit_config(w, *pairs):
    path = os.path.join(w.home, "surel.conf")
    with open(path) as f:
        text = f.read()
    for old, new in pairs:
        tap.has(text, old)
        text = text.replace(old, new)
    with open(path, "w") as f:
        f.write(text)


def whole(s):
    """The screen as one line: a sentence may be wrapped, and beside the folder pane it is not."""
    return re.sub(r"\s+", " ", " ".join(line.split("│")[-1] for line in s.lines()))


def wait_sentence(s, *parts, timeout=15):
    for part in parts:
        s.wait_for(lambda x, part=part: part in whole(x), timeout)


def in_the_log(s, *parts):
    """The log has the whole sentence, too."""
    s.keys("M")
    s.wait_for("What happened")
    wait_sentence(s, *parts)
    s.keys("q")
    s.wait_gone("What happened")


def read_one(s, subject, text):
    s.wait_for(subject)
    s.keys("<Home>", "<Enter>")
    s.wait_for(text)
    s.keys("q")


def test_wrong_password_is_asked_for_and_may_be_kept(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Di balik pintu")]}, passwords={"kantor": "salah"}) as w:
        with w.surel() as s:
            s.wait_for("login refused")
            s.wait_for("Password:")
            s.type("rahasia\r")
            s.wait_for("Di balik pintu", 20)
            s.wait_for("Keep the password")
            s.keys("y")
            s.wait_for("The password is kept")
            tap.eq("rahasia" in s.text(), False)
            s.keys("Q")
            tap.eq(s.wait_end(), 0)
        tap.eq(os.stat(os.path.join(w.home, "secrets")).st_mode & 0o777, 0o600)
        w.sync()


def test_giving_up_the_password_keeps_reading_possible(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Sudah di sini")]}) as w:
        w.sync()
        w.passwords["kantor"] = "salah"
        w.write_secrets()
        with w.surel() as s:
            s.wait_for("Password:")
            s.keys("<Esc>")
            s.wait_for("mail that is here can be read")
            read_one(s, "Sudah di sini", "Halo.")


def test_foreign_certificate_is_refused_with_a_remedy(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Tak terlihat")]}) as w:
        with open(os.path.join(w.home, "surel.conf")) as f:
            text = f.read()
        with open(os.path.join(w.home, "surel.conf"), "w") as f:
            f.write("\n".join(line for line in text.splitlines() if not line.startswith("ca_file")) + "\n")
        status, out, err = w.run("sync")
        tap.eq(status, 69, out + err)
        tap.has(out, "ca_file")
        with w.surel() as s:
            s.wait_for("offline")
            s.keys("M")
            s.wait_for("certificate")
            tap.eq("Password:" in s.text(), False)


def bad_certificate(tmp, name, *sentence):
    """A server whose certificate is bad stands where the account's server was."""
    folder = os.path.join(tmp, "certs")
    os.makedirs(folder)
    certs = Certs(folder)
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Sudah di sini")]}) as w, FakeImap(certs, name) as fake:
        w.sync()
        edit_config(w, (f"localhost:{w.server.port['imaps']}", f"localhost:{fake.port}"), (w.server.ca, certs.ca))
        status, out, err = w.run("sync")
        tap.eq(status, 69, out + err)
        tap.has(out, sentence[0])
        tap.eq("Press $" in out, False, "a key where there is no screen")
        with w.surel(columns=80, rows=24) as s:
            wait_sentence(s, *sentence, "No password was sent; mail that is here can be read. Press $ to try again.")
            tap.eq("Password:" in s.text(), False)
            in_the_log(s, *sentence)
            read_one(s, "Sudah di sini", "Halo.")
        tap.eq([line for line in fake.said if "LOGIN" in line or "AUTHENTICATE" in line], [])


def test_an_expired_certificate_says_since_when(tmp):
    bad_certificate(tmp, "expired", "the certificate of expired.test expired on 2021-01-01", "the server's owner must renew it")


def test_a_certificate_of_another_host_names_both(tmp):
    bad_certificate(tmp, "wronghost", "the certificate is for mail.elsewhere.example, not for localhost")


def test_a_certificate_of_an_unknown_authority_names_it(tmp):
    bad_certificate(tmp, "foreign", "is signed by an unknown authority, \"Test Authority other\"", "if it is yours, set ca_file")


def test_a_connection_cut_in_a_transfer_goes_on_where_it_was(tmp):
    mail = {"ana": [message(f"Surat {i:02}", body=f"Isi surat {i}.\n" + "rahasia " * 6000) for i in range(40)]}
    with World(tmp, accounts=("kantor",), mail=mail) as w, Proxy(w.server.port["imaps"]) as proxy:
        edit_config(w, (f"localhost:{w.server.port['imaps']}", f"localhost:{proxy.port}"))
        proxy.plan("down", cut=400000)
        with w.surel(columns=80, rows=24) as s:
            wait_sentence(s, "connection lost", "Nothing is lost; surel tries again by itself.")
            tap.eq("rahasia" in s.text(), False, "a piece of the message is in the sentence")
            s.wait_for("Surat 39")
            in_the_log(s, "connection lost")
            proxy.clear()
            s.keys("$")
            s.wait_for("1/40")
            s.wait_for("● kantor", 30)
            s.keys("Q")
            tap.eq(s.wait_end(), 0)
        tap.eq("rahasia" in w.logs(), False, "a piece of the message is in the log")
        w.sync()
        tap.eq(len(w.search("from:ana")), 40)
        tap.eq(len({hit["path"] for hit in w.search("rahasia")}), 40)


def test_a_server_that_answers_nonsense_is_left_alone(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Sudah di sini")]}) as w:
        w.sync()
        w.pull_network()
        url = f"imaps://localhost:{w.server.port['imaps']}"
        for what, sentence in (("greeting", "this is not an IMAP server; the server said \"<html>hello</html>\""),
                               ("list", "the server's answer makes no sense")):
            with FakeImap() as fake:
                if what == "greeting":
                    fake.greeting = "\x1b[31mHTTP/1.1 200 OK\r\n\r\n<html>hello</html>\r\n"
                else:
                    fake.before = lambda line: b"* 5 FETCH (FLAGS ((((((( \x1b]0;x\x07\r\nTAG WHAT?\r\n" if line.startswith("LIST") else None
                bad = f"imap+insecure://localhost:{fake.port}"
                edit_config(w, (url, bad))
                with w.surel(columns=80, rows=24) as s:
                    wait_sentence(s, sentence, "The connection was closed, nothing was changed; surel tries again.")
                    in_the_log(s, sentence)
                    read_one(s, "Sudah di sini", "Halo.")
                    s.keys("a")
                    s.wait_for("archived")
                    s.keys("u")
                    s.wait_for("1/1")
                    tap.eq(s.odd_escapes(), [])
                edit_config(w, (bad, url))
        w.plug_network()
        w.sync()
        tap.eq(w.subjects("ana"), ["Sudah di sini"])


def test_host_not_found_says_so(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Sudah di sini")]}) as w:
        w.sync()
        edit_config(w, ("imaps://localhost", "imaps://tidak-ada.invalid"))
        status, out, _ = w.run("sync")
        tap.eq(status, 69, out)
        tap.has(out, "tidak-ada.invalid")
        with w.surel(columns=80, rows=24) as s:
            wait_sentence(s, "tidak-ada.invalid: there is no host of this name", "Check the host name in surel.conf")
            in_the_log(s, "there is no host of this name")
            read_one(s, "Sudah di sini", "Halo.")


def test_an_unreadable_configuration_names_file_and_mistake(tmp):
    with World(tmp, accounts=("kantor",)) as w:
        edit_config(w, ("incoming =", "incomming ="), ("poll = 2 seconds", "poll = soon"))
        with w.surel(columns=80, rows=24) as s:
            s.wait_end()
            tap.eq(s.status, 78)
            for part in ("surel.conf:", "incomming", "did you mean \"incoming\"?", "poll"):
                tap.has(whole(s), part)
        path = os.path.join(w.home, "surel.conf")
        os.remove(path)
        os.mkdir(path)
        with w.surel(columns=80, rows=24) as s:
            s.wait_end()
            tap.has(whole(s), "cannot read")
            tap.has(whole(s), "surel.conf")


def answer(s, *pairs):
    for question, text in pairs:
        s.wait_for(lambda x, q=question: x.lines()[x.screen.cursor.y].startswith(q))
        s.type(text + "\r")


def test_the_first_run_asks_tries_and_opens(tmp):
    with World(tmp, accounts=(), mail={"ana": [message("Surat pertama")]}) as w:
        path = os.path.join(w.home, "surel.conf")
        os.remove(path)
        env = {**w.env(), "SSL_CERT_FILE": w.server.ca}
        w.env = lambda: env
        status, _, err = w.run("sync")
        tap.eq(status, 78)
        tap.has(err, "Run `surel` in a terminal")
        imaps, smtps = (f"localhost:{w.server.port[n]}" for n in ("imaps", "submissions"))
        with w.surel(columns=80, rows=40) as s:
            answer(s, ("Shall surel ask", "y"), ("Your name", "Ana"), ("Your mail address", "ana"), ("Your mail address", "ana@contoh.test"),
                   ("imap or pop3", ""), ("Incoming server", imaps), ("Outgoing", smtps), ("User name", "ana"), ("Password", "salah"))
            s.wait_for("not everything works", 20)
            wait_sentence(s, "Authentication failed. Check user and password.")
            answer(s, ("Answer again?", "y"), *((q, "") for q in ("Your name", "Your mail address", "imap or pop3", "Incoming", "Outgoing", "User name")),
                   ("Password", "rahasia"))
            read_one(s, "Surat pertama", "Halo.")
            tap.eq(b"rahasia" in bytes(s.raw) or b"salah" in bytes(s.raw), False, "a password is on the screen")
        tap.eq(os.stat(os.path.join(w.home, "secrets")).st_mode & 0o777, 0o600)
        w.sync()


def test_a_second_surel_reads_and_writes_while_the_first_syncs(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Milik bersama")]}) as w, w.surel() as first:
        first.wait_for("1/1")
        with w.surel() as second:
            second.wait_for("Another surel syncs kantor")
            second.wait_for("Milik bersama")
            second.keys("a")
            second.wait_for("1 message archived")
            first.wait_gone("Milik bersama", 5)
            w.wait_subjects("ana", "Archive", ["Milik bersama"])
            second.keys("u")
            w.wait_subjects("ana", "INBOX", ["Milik bersama"])
            first.wait_for("Milik bersama", 5)
            status, out, _ = w.run("sync")
            tap.eq(status, 75, out)
            tap.has(out, "another surel")
            second.keys("m")
            second.wait_for("To:")
            second.type("budi@contoh.test\r")
            second.wait_for("Subject:")
            second.type("Dari yang kedua\r")
            second.wait_for("Before sending")
            second.keys("y")
            w.wait_subjects("budi", "INBOX", ["Dari yang kedua"])
            tap.eq(len(w.relay.deliveries), 1)


def test_the_second_surel_takes_over_when_the_first_ends(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Satu")]}) as w:
        first = w.surel()
        first.wait_for("1/1")
        with w.surel() as second:
            second.wait_for("Another surel syncs kantor")
            first.kill()
            w.server.append("ana", message("Sesudahnya"))
            second.wait_for("Sesudahnya", 20)


def test_offline_everything_works_and_arrives_once(tmp):
    mail = {"ana": [message("Kantor satu"), message("Kantor dua")], "budi": [message("Rumah satu")]}
    with World(tmp, mail=mail) as w:
        w.sync()
        w.pull_network()
        with w.surel() as s:
            s.wait_for("Kantor satu")
            s.wait_for("Rumah satu")
            s.wait_for("offline")
            for _ in range(3):
                s.keys("<Enter>")
                s.wait_for("Halo.")
                s.keys("q", "j")
                s.settle(0.1)
            s.type("/subject:dua\r")
            s.wait_for(lambda x: "Kantor dua" in x.text() and "Kantor satu" not in x.text())
            s.keys("F")
            s.settle(0.3)
            s.keys("a")
            s.wait_for("archived")
            s.keys("q")
            s.wait_for("Kantor satu")
            s.keys("m")
            s.wait_for("To:")
            s.type("ana@contoh.test\r")
            s.wait_for("Subject:")
            s.type("Tanpa jaringan\r")
            s.wait_for("Before sending")
            s.keys("y")
            s.wait_for("Queued")
            w.plug_network()
            s.keys("$")
            w.wait_subjects("ana", "Archive", ["Kantor dua"], 30)
            w.wait_subjects("ana", "INBOX", ["Kantor satu", "Tanpa jaringan"], 30)
            tap.has(w.server.list("ana", "Archive")[0][1], "\\Flagged")
            s.settle(2)
            tap.eq(len(w.relay.deliveries), 1)


def test_a_server_that_falls_silent_never_stops_the_keys(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message(f"Surat {i}") for i in range(30)]}) as w, w.surel() as s:
        s.wait_for("1/30")
        os.kill(w.server.process.pid, 19)
        try:
            s.keys("$")
            start = time.monotonic()
            for i in range(2, 12):
                s.keys("j")
                s.wait_for(f"{i}/30", 2)
            tap.eq(time.monotonic() - start < tap.speed(3), True, "ten keys within three seconds")
        finally:
            os.kill(w.server.process.pid, 18)


def test_a_damaged_message_is_shown_with_its_source(tmp):
    bad = b"Subject: Rusak\nContent-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n\n--x\nContent-Type: text/html\n\n<table><td>" + \
          b"\x1b]0;hai\x07\x9b31m" + b"<div>" * 500
    with World(tmp, accounts=("kantor",), mail={"ana": [bad]}) as w, w.surel() as s:
        s.wait_for("Rusak")
        s.keys("<Enter>")
        s.settle(1)
        s.keys("H")
        s.wait_for("multipart/mixed")
        s.keys("q", "q")
        s.wait_for("1/1")
        tap.eq(s.odd_escapes(), [])


def test_a_tiny_terminal_says_so_and_recovers(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Halo")]}) as w, w.surel() as s:
        s.wait_for("1/1")
        for columns, rows, text in ((36, 9, "Window too small (40x10 needed)"), (20, 5, "40x10 needed"), (10, 3, "Too small"), (1, 1, "")):
            s.resize(columns, rows)
            s.wait_for(text)
            s.settle(0.1)
            tap.eq(s.alive(), True)
        s.resize(100, 30)
        s.wait_for("Halo")


def test_a_full_disk_says_so_and_loses_nothing(tmp):
    if os.geteuid() != 0 or os.system(f"mkdir {tmp}/small && mount -t tmpfs -o size=1500k tmpfs {tmp}/small 2>/dev/null") != 0:
        tap.skip("a small file system cannot be mounted here")
    try:
        with World(tmp, accounts=("rumah",), mail={"budi": [message(f"Surat {i}", body="x" * 60000) for i in range(40)]}) as w:
            env = w.env()
            env["SUREL_DATA"] = os.path.join(tmp, "small", "data")
            w.env = lambda: env
            status, out, err = w.run("sync")
            tap.eq(status != 0, True, out + err)
            tap.has((out + err).lower(), "make room")
            tap.eq(len(w.server.list("budi")), 40)
            with w.surel(columns=80, rows=24) as s:
                wait_sentence(s, "No space left on device. Make room; what was saved is safe and the rest is fetched again.")
                in_the_log(s, "No space left on device")
                s.keys("Q")
                s.wait_end()
            os.system(f"mount -o remount,size=60m {tmp}/small")
            w.sync()
            hits = w.run("search", "--json", "--limit", "100", "from:ana")[1]
            tap.eq(hits.count("message_id"), 40)
    finally:
        os.system(f"umount {tmp}/small")


if __name__ == "__main__":
    tap.main()
