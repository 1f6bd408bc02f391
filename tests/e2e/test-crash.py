#!/usr/bin/python3
# tests/e2e/test-crash.py: kill -9 of surel, of the editor and of workers: nothing is lost, nothing happens twice
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import signal
import subprocess

from world import World, message, tap


def children(pid):
    out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [(int(line.split()[0]), line.strip().split(None, 1)[1]) for line in out.splitlines() if len(line.split()) > 1]


def worker(s, role):
    return tap.wait_until(lambda: next((p for p, a in children(s.pid) if f"--role={role}" in a), None), 10, 0.05, f"the {role} worker")


def begin_message(s, subject, to="budi@contoh.test"):
    s.keys("m")
    s.wait_for("To:")
    s.type(to + "\r")
    s.wait_for("Subject:")
    s.type(subject + "\r")


def test_kill_while_reviewing_keeps_the_draft(tmp):
    with World(tmp, accounts=("kantor",)) as w:
        s = w.surel()
        s.wait_for("kantor")
        begin_message(s, "Belum selesai")
        s.wait_for("Before sending")
        s.kill(signal.SIGKILL)
        with w.surel() as s:
            s.wait_for("1 draft was being written. R resumes it.")
            s.keys("R")
            s.wait_for("Belum selesai")
            s.wait_for("sampai besok")
            s.keys("y")
            w.wait_subjects("budi", "INBOX", ["Belum selesai"])
            tap.eq(len(w.relay.deliveries), 1)
        with w.surel() as s:
            s.wait_for("kantor")
            s.settle(0.5)
            tap.eq("being written" in s.text(), False)


def test_kill_of_surel_and_editor_keeps_what_the_editor_saved(tmp):
    with World(tmp, accounts=("kantor",)) as w:
        w.editor("echo 'Baris yang disimpan.' > \"$1\"; touch \"$HOME/menulis\"; exec sleep 100")
        s = w.surel()
        s.wait_for("kantor")
        begin_message(s, "Mati lampu")
        tap.wait_until(lambda: os.path.exists(os.path.join(w.home, "menulis")), 10, 0.05, "the editor")
        editor = [p for p, a in children(s.pid) if "sleep 100" in a]
        s.kill(signal.SIGKILL)
        for pid in editor:
            os.kill(pid, signal.SIGKILL)
        with w.surel() as s:
            s.wait_for("1 draft was being written")
            s.keys("R")
            s.wait_for("Baris yang disimpan.")
            s.wait_for("Mati lampu")


def test_kill_of_the_editor_comes_back_to_the_review(tmp):
    with World(tmp, accounts=("kantor",)) as w:
        w.editor("echo 'Sempat ditulis.' > \"$1\"; touch \"$HOME/menulis\"; exec sleep 100")
        with w.surel() as s:
            s.wait_for("kantor")
            begin_message(s, "Penyunting mati")
            tap.wait_until(lambda: os.path.exists(os.path.join(w.home, "menulis")), 10, 0.05, "the editor")
            pid = tap.wait_until(lambda: next((p for p, a in children(s.pid) if "sleep 100" in a), None), 5, 0.05, "the editor's process")
            os.kill(pid, signal.SIGKILL)
            s.wait_for("The editor was ended")
            s.wait_for("Sempat ditulis.")


def test_kill_right_after_sending_sends_once(tmp):
    with World(tmp, accounts=("kantor",), undo=1) as w:
        s = w.surel()
        s.wait_for("kantor")
        begin_message(s, "Sekali saja")
        s.wait_for("Before sending")
        s.keys("y")
        s.wait_for("Queued")
        s.kill(signal.SIGKILL)
        with w.surel() as s:
            w.wait_subjects("budi", "INBOX", ["Sekali saja"])
            w.wait_subjects("ana", "Sent", ["Sekali saja"])
            s.settle(1)
        w.sync()
        tap.eq(len(w.relay.deliveries), 1)
        tap.eq(w.subjects("ana", "Sent"), ["Sekali saja"])


def test_kill_right_after_archive_files_it_once(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Arsip"), message("Tinggal")]}) as w:
        w.sync()
        s = w.surel()
        s.wait_for("1/2")
        subject = "Arsip" if "Arsip" in s.lines()[1] else "Tinggal"
        s.keys("a")
        s.wait_for("archived")
        s.kill(signal.SIGKILL)
        w.sync()
        tap.eq(w.subjects("ana", "Archive"), [subject])
        tap.eq(len(w.subjects("ana")), 1)


def test_killed_workers_come_back_and_nothing_is_lost(tmp):
    with World(tmp, accounts=("kantor",), mail={"ana": [message("Tetap ada", body="Isi yang tetap.\n")]}) as w, w.surel() as s:
        s.wait_for("1/1")
        s.settle(0.5)
        for role in ("render", "keep", "index", "sync"):
            os.kill(worker(s, role), signal.SIGKILL)
        s.wait_for("stopped unexpectedly")
        s.keys("<Enter>")
        s.wait_for("Isi yang tetap.", 10)
        s.keys("F")
        tap.wait_until(lambda: "\\Flagged" in w.server.list("ana")[0][1], 20, 0.2, "the flag on the server")
        w.server.append("ana", message("Sesudah jatuh"))
        s.keys("q")
        s.wait_for("Sesudah jatuh", 20)


def test_a_draft_kept_is_copied_to_drafts_once_and_leaves_when_sent(tmp):
    with World(tmp, accounts=("kantor",)) as w, w.surel() as s:
        s.wait_for("Drafts")
        begin_message(s, "Nanti saja")
        s.wait_for("Before sending")
        s.keys("P")
        s.wait_for("Kept as a draft")
        w.wait_subjects("ana", "Drafts", ["Nanti saja"])
        s.keys("R")
        s.wait_for("Before sending")
        s.keys("q")
        s.wait_for("Kept as a draft")
        s.settle(2)
        w.wait_subjects("ana", "Drafts", ["Nanti saja"])
        s.keys("R")
        s.wait_for("Before sending")
        s.keys("y")
        w.wait_subjects("budi", "INBOX", ["Nanti saja"])
        w.wait_subjects("ana", "Drafts", [])


if __name__ == "__main__":
    tap.main()
