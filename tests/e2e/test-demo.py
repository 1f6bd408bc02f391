#!/usr/bin/python3
# tests/e2e/test-demo.py: the demo as a person starts it: both accounts, mail from one to the other, nothing left behind
# SPDX-License-Identifier: GPL-3.0-or-later
import glob
import os
import re
import signal
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import tap			# noqa: E402
from screen import Screen	# noqa: E402

RUN = os.path.join(HERE, "..", "demo", "run")


def environment(tmp):
    editor = os.path.join(tmp, "editor")
    with open(editor, "w") as f:
        f.write("#!/bin/sh\nprintf 'Halo dari kantor.\\n' > \"$1.new\"; cat \"$1\" >> \"$1.new\"; mv \"$1.new\" \"$1\"\n")
    os.chmod(editor, stat.S_IRWXU)
    return {"HOME": tmp, "VISUAL": editor, "EDITOR": editor}


class Demo(Screen):
    """Ended by SIGTERM, so that it can clear up."""

    def __exit__(self, *_):
        self.kill(signal.SIGTERM)


def demo(tmp, *arguments, columns=110, rows=40):
    tap.need("dovecot")
    return Demo([RUN, *arguments, tap.surel()], env=environment(tmp), columns=columns, rows=rows, cwd="/")


def children_of(pid):
    """Directory that the demo works in, from the command line of its Dovecot."""
    out = subprocess.run(["ps", "-o", "args=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return re.findall(r"-c (\S+)/dovecot/dovecot\.conf", out)


def leave(s):
    for _ in range(6):
        if not s.alive():
            break
        s.keys("q")
        s.settle(0.3, 2)
        if "Leave" in s.text() or "Quit" in s.text():
            s.keys("y")
    return s.wait_end(15)


def test_the_demo_shows_the_mail_of_both_accounts(tmp):
    with demo(tmp) as s:
        s.wait_for("All of it stays on this")
        s.wait_for("Release plan for 0.1", 30)
        s.wait_for("Mudik tahun ini", 30)
        for text in ("kantor", "rumah", "Surel", "Foto dari Bromo", "次回の打ち合わせについて", "Laporan penjualan"):
            s.wait_for(text)
        tap.eq(s.odd_escapes(), [])


def test_a_mail_from_one_account_arrives_in_the_other(tmp):
    with demo(tmp) as s:
        s.wait_for("Release plan for 0.1", 30)
        s.wait_for("Mudik tahun ini", 30)
        s.keys("m")
        s.wait_for("To:")
        s.type("rahma@rumah.test\r")
        s.wait_for("Subject:")
        s.type("Dari kantor ke rumah\r")
        s.wait_for("Before sending")
        s.keys("y")
        # 5 s to take it back, then at most 10 s until POP3 looks
        s.wait_for(re.compile(r"● .*Dari kantor ke rumah"), 40)


def test_every_made_up_person_takes_mail_and_some_answer(tmp):
    with demo(tmp) as s:
        s.wait_for("Release plan for 0.1", 30)
        s.wait_for("Mudik tahun ini", 30)
        s.keys("m")
        s.wait_for("To:")
        s.type("lina@kantor.test, dewi@kantor.test, tanaka@mitra.test\r")
        s.wait_for("Subject:")
        s.type("Sebuah pertanyaan\r")
        s.wait_for("Before sending")
        s.keys("y")
        s.wait_for(re.compile(r"Lina Hartono .*Re: Sebuah pertanyaan"), 40)
        tap.eq("550" in s.text(), False)


def test_leaving_surel_ends_the_servers_and_removes_everything(tmp):
    with demo(tmp) as s:
        s.wait_for("Release plan for 0.1", 30)
        [directory] = children_of(s.pid)
        assert os.path.isdir(os.path.join(directory, "data"))
        tap.eq(leave(s), 0)
        assert not os.path.exists(directory), "the directory is still there"
    out = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True).stdout
    assert directory not in out, "a server is still there"


def gone(directory):
    out = subprocess.run(["ps", "-eo", "args="], capture_output=True, text=True).stdout
    return not os.path.exists(directory) and directory not in out


def surel_of(pid):
    out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return int(next(line.split()[0] for line in out.splitlines() if tap.surel() in line))


def test_whatever_ends_surel_ends_the_servers(tmp):
    for number, word in ((signal.SIGKILL, "ended by signal 9"), (signal.SIGTERM, "")):
        with demo(tmp) as s:
            s.wait_for("Release plan for 0.1", 30)
            [directory] = children_of(s.pid)
            os.kill(surel_of(s.pid), number)
            s.wait_end(15)
            tap.has(s.text(), word)
            tap.wait_until(lambda: gone(directory), 10, 0.1)


def test_closing_the_terminal_ends_everything(tmp):
    s = demo(tmp)
    s.wait_for("Release plan for 0.1", 30)
    [directory] = children_of(s.pid)
    os.close(s.fd)		# the kernel sends SIGHUP
    s.fd = -1
    tap.wait_until(lambda: gone(directory), 15, 0.1)
    tap.wait_until(lambda: not s.alive(), 5)


def test_kept_mail_is_there_again(tmp):
    place = os.path.join(tmp, "keep")
    for _ in range(2):
        with demo(tmp, "--keep", place) as s:
            s.wait_for("Release plan for 0.1", 30)
            leave(s)
    files = glob.glob(os.path.join(place, "dovecot", "mail", "rahma", "Maildir", "*", "*:2,*"))
    tap.eq(len(files), 7)


def test_servers_alone_print_their_ports_and_end_with_the_terminal(tmp):
    tap.need("dovecot")
    with Demo([RUN, "--servers-only"], env=environment(tmp), cwd="/") as s:
        s.wait_for("Ctrl-C ends the servers", 20)
        for name in ("imaps", "pop3s", "submission"):
            assert re.search(name + r" +127\.0\.0\.1:\d+", s.text()), name
        [directory] = children_of(s.pid)
        s.keys("<C-c>")
        s.wait_end(10)
        tap.wait_until(lambda: not os.path.exists(directory))


def test_two_demos_at_the_same_time_do_not_meet(tmp):
    tap.need("dovecot")
    with Demo([RUN, "--servers-only"], env=environment(tmp), cwd=tmp) as one, Demo([RUN, "--servers-only"], env=environment(tmp), cwd=tmp) as two:
        ports = [set(re.findall(r"127\.0\.0\.1:(\d+)", s.wait_for("Ctrl-C ends", 20))) for s in (one, two)]
        tap.eq(len(ports[0] | ports[1]), 12)
        one.keys("<C-c>")
        one.wait_end(10)
        time.sleep(0.2)
        assert two.alive()


if __name__ == "__main__":
    tap.main()
