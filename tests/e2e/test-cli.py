#!/usr/bin/python3
# tests/e2e/test-cli.py: commands without a screen: what they print and how they end
# SPDX-License-Identifier: GPL-3.0-or-later
import json
import os
import re

from world import World, message, tap

EML = (b"From: \"Siti \\\"R\\\"\" <siti@contoh.test>\nTo: ana@contoh.test, Budi <budi@contoh.test>\nSubject: =?utf-8?q?Halo_dunia_=E2=9C=93?=\n"
       b"Message-ID: <satu@contoh.test>\nDate: Mon, 02 Nov 2026 15:00:00 +0700\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nIsi surat.\n")


def bare(tmp, conf=None):
    """A home without servers."""
    w = World.__new__(World)
    w.tmp, w.home, w.accounts = tmp, os.path.join(tmp, "home"), ()
    os.makedirs(w.home, mode=0o700)
    w.editor_path = "/bin/true"
    if conf is not None:
        with open(os.path.join(w.home, "surel.conf"), "w") as f:
            f.write(conf)
    return w


def test_help_version_and_usage(tmp):
    w = bare(tmp)
    status, out, _ = w.run("--version")
    tap.eq(status, 0)
    tap.has(out, "surel ")
    status, out, _ = w.run("--help")
    tap.eq(status, 0)
    for name in ("sync", "search", "show", "open", "compose", "index", "store", "config", "account"):
        tap.has(out, "\n  " + name)
    for arguments in (("nonsense",), ("show",), ("open",), ("store", "eat"), ("config",), ("account", "test"), ("index", "--what")):
        status, out, err = w.run(*arguments)
        tap.eq(status, 64, f"{arguments}")
        tap.has(err, "surel")
        tap.eq(out, "")


def test_first_run_names_the_file_to_write(tmp):
    w = bare(tmp)
    status, out, err = w.run("sync")
    tap.eq(status, 78)
    tap.has(err, os.path.join(w.home, "surel.conf"))
    with w.surel() as s:
        s.wait_for("Welcome to surel")
        s.wait_for("(y/n)")
        s.type("n\r")
        s.wait_for("[account work]")
        s.wait_for("surel.conf")
        tap.eq(s.wait_end(), 78)
    tap.eq(os.path.exists(os.path.join(w.home, "surel.conf")), False)


def test_first_run_asks_and_writes_a_working_account(tmp):
    with World(tmp, mail={"ana": [message("Surat pertama")]}) as w:
        os.remove(os.path.join(w.home, "surel.conf"))
        os.remove(os.path.join(w.home, "secrets"))
        p = w.server.port
        with w.surel() as s:
            s.wait_for("(y/n)")
            s.type("y\r")
            for question, answer in (("Your name", "Ana"), ("Your mail address", "bukan alamat"), ("Your mail address", "ana@contoh.test"), ("imap or pop3 [", "imap"),
                                     ("Incoming", f"imap+insecure://localhost:{p['imap']}"),
                                     ("Outgoing", f"smtp+insecure://localhost:{p['submission']}"), ("User name", "ana"), ("Password", "rahasia")):
                s.wait_for(question)
                s.settle(0.1)
                s.type(answer + "\r")
            s.wait_for("Surat pertama", 20)
            tap.eq("rahasia" in s.text(), False)
            s.keys("Q")
            tap.eq(s.wait_end(), 0)
        mode = os.stat(os.path.join(w.home, "secrets")).st_mode & 0o777
        tap.eq(mode, 0o600)
        with open(os.path.join(w.home, "surel.conf")) as f:
            tap.eq("rahasia" in f.read(), False)
        tap.eq(w.run("config", "check")[0], 0)


def test_config_check_names_every_mistake_at_once(tmp):
    w = bare(tmp, "[general]\nmose = yes\n[account a]\nfrom = A <a@contoh.test>\nincomming = imaps://x\n")
    status, out, _ = w.run("config", "check")
    tap.eq(status, 78)
    tap.has(out, ":2:")
    tap.has(out, "mouse")
    tap.has(out, ":5:")
    tap.has(out, "incoming")
    status, _, err = w.run("config", "check", "/no/such/file")
    tap.eq(status, 66)
    tap.has(err, "/no/such/file")


def test_unreadable_config_is_said_in_one_sentence(tmp):
    w = bare(tmp)
    os.mkdir(os.path.join(w.home, "surel.conf"))
    status, _, err = w.run("sync")
    tap.eq(status != 0, True)
    tap.has(err, "surel.conf")
    tap.eq(len(err.strip().splitlines()) <= 2, True, err)


def test_show_prints_text_and_json(tmp):
    w = bare(tmp)
    path = os.path.join(w.home, "satu.eml")
    with open(path, "wb") as f:
        f.write(EML)
    status, out, _ = w.run("show", path)
    tap.eq(status, 0)
    tap.has(out, "Subject: Halo dunia \u2713")
    tap.has(out, "Isi surat.")
    for arguments, stdin in ((("show", "--json", path), b""), (("show", "--json", "-"), EML)):
        status, out, _ = w.run(*arguments, stdin=stdin)
        tap.eq(status, 0)
        shown = json.loads(out)
        tap.eq(shown["message_id"].strip("<>"), "satu@contoh.test")
        tap.eq(shown["date_utc"], "2026-11-02T08:00:00Z")
        tap.eq(shown["subject"], "Halo dunia \u2713")
        tap.eq([a["addr"] for a in shown["to"]], ["ana@contoh.test", "budi@contoh.test"])
        tap.has(shown["text"], "Isi surat.")
        tap.eq(shown["attachments"], [])
    tap.eq(w.run("show", "/no/such")[0], 66)


def test_show_bears_any_bytes(tmp):
    w = bare(tmp)
    for stdin in (b"", b"\0" * 100, os.urandom(5000), b"From: a\n" * 3, b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" * 50):
        status, out, err = w.run("show", "--json", "-", stdin=stdin)
        tap.eq(status, 0, err)
        json.loads(out)


def test_open_shows_a_file_in_the_reader(tmp):
    w = bare(tmp)
    path = os.path.join(w.home, "satu.eml")
    with open(path, "wb") as f:
        f.write(EML)
    with w.surel("open", path) as s:
        s.wait_for("Isi surat.")
        s.wait_for("Halo dunia")
        s.keys("q")
        tap.eq(s.wait_end(), 0)
    status, _, err = w.run("open", "/no/such")
    tap.eq(status != 0, True)


def test_sync_prints_lines_and_status_per_account(tmp):
    with World(tmp, mail={"ana": [message("Satu"), message("Dua")], "budi": [message("Tiga")]}) as w:
        out = w.sync()
        tap.has(out, "kantor: up to date")
        tap.has(out, "rumah: up to date")
        tap.eq("\r" in out or "\x1b" in out, False)
        status, out, _ = w.run("sync", "rumah")
        tap.eq(status, 0)
        tap.eq("kantor" in out, False)
        tap.eq(w.run("sync", "nobody")[0], 66)
        w.passwords["kantor"] = "salah"
        w.write_secrets()
        status, out, _ = w.run("sync", "kantor")
        tap.eq(status, 77)
        tap.has(out, "password")
        status, out, _ = w.run("sync")
        tap.eq(status, 77)
        tap.has(out, "rumah: up to date")
        w.server.stop()
        status, out, _ = w.run("sync", "rumah")
        tap.eq(status, 69)
        status, out, _ = w.run("sync")
        tap.eq(status, 69, out)


def test_sync_shows_a_bar_on_a_terminal(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message(f"Surat {i}", body="x" * 2000) for i in range(300)]}) as w:
        with w.surel("sync") as s:
            tap.eq(s.wait_end(60), 0)
            tap.has(s.raw.decode("utf-8", "replace"), "kantor: up to date")


def test_search_prints_hits_as_lines_and_json(tmp):
    mail = {"ana": [message("Nasi \"goreng\"", sender="Siti <siti@contoh.test>", body="kelapa\n", message_id="<g@contoh.test>")], "budi": [message("Lain")]}
    with World(tmp, mail=mail) as w:
        w.sync()
        status, out, _ = w.run("search", "kelapa")
        tap.eq(status, 0)
        tap.has(out, "kantor/")
        status, out, _ = w.run("search", "--json", "--limit", "5", "kelapa")
        tap.eq(status, 0)
        hits = json.loads(out)
        tap.eq(len(hits), 1)
        hit = hits[0]
        tap.eq(sorted(hit), ["account", "date_utc", "flags", "folder", "from", "message_id", "path", "subject"])
        tap.eq(hit["account"], "kantor")
        tap.eq(hit["from"], {"name": "Siti", "addr": "siti@contoh.test"})
        tap.eq(hit["subject"], "Nasi \"goreng\"")
        tap.eq(hit["message_id"], "g@contoh.test")
        tap.eq(bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", hit["date_utc"])), True)
        tap.eq(os.path.exists(hit["path"]), True)
        status, out, _ = w.run("search", "--json", "tidakadakataini")
        tap.eq(status, 1)
        tap.eq(json.loads(out), [])
        tap.eq(w.run("search")[0], 64)


def test_store_and_index_are_rebuilt_from_the_mail_files(tmp):
    with World(tmp, mail={"budi": [message(f"Surat {i}", body="kelapa\n") for i in range(5)]}, accounts=("rumah",)) as w:
        w.sync()
        status, out, _ = w.run("store", "check")
        tap.eq(status, 0, out)
        data = os.path.join(w.home, "data")
        for suffix in ("", "-wal", "-shm"):
            path = os.path.join(data, "accounts", "rumah", "cache.db" + suffix)
            if os.path.exists(path):
                os.remove(path)
        status, out, err = w.run("store", "rebuild")
        tap.eq(status, 0, out + err)
        status, out, err = w.run("index", "--rebuild")
        tap.eq(status, 0, out + err)
        tap.eq(len(w.search("kelapa")), 5)
        tap.eq(w.run("store", "check", "nobody")[0], 66)


def test_account_test_shows_each_step(tmp):
    with World(tmp) as w:
        status, out, err = w.run("account", "test", "kantor")
        tap.eq(status, 0, out + err)
        tap.has(out, "ready")
        w.passwords["kantor"] = "salah"
        w.write_secrets()
        status, out, _ = w.run("account", "test", "kantor")
        tap.eq(status, 77, out)
        tap.has(out, "FAIL")
        tap.eq(w.run("account", "test", "nobody")[0], 66)


def test_screen_without_a_terminal_is_refused(tmp):
    w = bare(tmp, "[account a]\nfrom = A <a@contoh.test>\nincoming = imaps://localhost:1\n")
    status, _, err = w.run()
    tap.eq(status, 64)
    tap.has(err, "terminal")


if __name__ == "__main__":
    tap.main()
