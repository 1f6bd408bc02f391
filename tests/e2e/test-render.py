#!/usr/bin/python3
# tests/e2e/test-render.py: what others wrote is read by the render worker only; its death is no death of the screen
# SPDX-License-Identifier: GPL-3.0-or-later
import base64
import hashlib
import os
import random
import signal
import subprocess

from world import World, message, screen, tap

LARGE_BYTES = 64 << 20


def renderer(s):
    def find():
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(s.pid)], capture_output=True, text=True).stdout
        return next((int(line.split()[0]) for line in out.splitlines() if "--role=render" in line), None)
    return tap.wait_until(find, 10, 0.05, "the render worker")


def test_answer_when_the_renderer_dies_is_empty_and_addressed(tmp):
    mail = {"ana": [message("Jahat", sender="Budi <budi@contoh.test>", message_id="<jahat@contoh.test>"), message("Baik")]}
    with World(tmp, accounts=("kantor",), mail=mail) as w, w.surel() as s:
        w.editor("true")
        s.wait_for("Jahat")
        s.wait_for("Baik")
        s.settle(0.5)
        if s.row_of("Jahat") > s.row_of("Baik"):
            s.keys("j")
        first = renderer(s)
        os.kill(first, signal.SIGSTOP)
        s.keys("r")
        s.settle(0.3)
        s.keys("?")			# the keys answer while it works
        s.wait_for("Keys")
        s.keys("q")
        s.wait_for("Jahat")
        os.kill(first, signal.SIGKILL)
        s.wait_for("Before sending")
        s.wait_for("Nothing could be quoted")
        s.wait_for("budi@contoh.test")
        s.wait_for("Re: Jahat")
        s.keys("q")
        s.wait_for("Kept as a draft")
        s.keys("<Enter>")
        s.wait_for("Subject")
        if renderer(s) == first:
            raise AssertionError("the renderer was not replaced")


def maildir_world(tmp, *messages):
    home = os.path.join(tmp, "home")
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(home, "surat", name))
    for i, data in enumerate(messages):
        with open(os.path.join(home, "surat", "cur", f"{1700000000 + i}.M{i}P1.test:2,S"), "wb") as f:
            f.write(data)
    with open(os.path.join(home, "surel.conf"), "w") as f:
        f.write(f"[general]\nmouse = no\n[account lokal]\nfrom = Ana <ana@contoh.test>\nincoming = maildir://{home}/surat\nuser = ana\n")
    return home


def with_attachment(data, name):
    lines = base64.encodebytes(data)
    return (b"From: Budi <budi@contoh.test>\nTo: ana@contoh.test\nSubject: Berkas\nMessage-ID: <besar@contoh.test>\n"
            b"Date: Mon, 02 Nov 2026 08:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
            b"--b\nContent-Type: text/plain\n\nLihat berkas.\n"
            b"--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"" + name + b"\"\n"
            b"Content-Transfer-Encoding: base64\n\n" + lines + b"--b--\n")


def test_large_attachment_is_saved_whole(tmp):
    data = random.Random(4).randbytes(LARGE_BYTES)
    home = maildir_world(tmp, with_attachment(data, b"besar.bin"))
    with screen.Screen([tap.surel()], env=screen.surel_env(home), cwd=home) as s:
        s.wait_for("Berkas", 30)
        s.keys("<Enter>")
        s.wait_for("Lihat berkas", 30)
        s.keys("v")
        s.wait_for("besar.bin")
        s.keys("s")
        s.wait_for("Save as:")
        s.keys("<C-u>")
        s.type(f"{home}/unduh/\r")
        s.wait_for("Saved as", 60)
    tap.eq(os.listdir(os.path.join(home, "unduh")), ["besar.bin"])
    path = os.path.join(home, "unduh", "besar.bin")
    tap.eq(os.stat(path).st_mode & 0o777, 0o600)
    with open(path, "rb") as f:
        tap.eq(hashlib.sha256(f.read()).hexdigest(), hashlib.sha256(data).hexdigest())


def test_save_that_is_cut_off_leaves_no_half_file(tmp):
    home = maildir_world(tmp, with_attachment(b"isi" * 1000, b"kecil.bin"))
    with screen.Screen([tap.surel()], env=screen.surel_env(home), cwd=home) as s:
        s.wait_for("Berkas", 30)
        s.keys("<Enter>")
        s.wait_for("Lihat berkas")
        pid = renderer(s)
        os.kill(pid, signal.SIGSTOP)
        s.keys("v")
        s.wait_for("kecil.bin")
        s.keys("s")
        s.wait_for("Save as:")
        s.keys("<C-u>")
        s.type(f"{home}/unduh/\r")
        s.settle(0.3)
        os.kill(pid, signal.SIGKILL)
        s.wait_for("Not saved")
        tap.eq(os.path.exists(os.path.join(home, "unduh")) and os.listdir(os.path.join(home, "unduh")) or [], [])
        s.keys("s")
        s.wait_for("Save as:")
        s.keys("<C-u>")
        s.type(f"{home}/unduh/\r")
        s.wait_for("Saved as")
    tap.eq(os.listdir(os.path.join(home, "unduh")), ["kecil.bin"])


if __name__ == "__main__":
    tap.main()
