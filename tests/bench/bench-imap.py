# tests/bench/bench-imap.py: first sync and no-change sync of an IMAP account, beside mbsync; prints `name value unit` lines
# SPDX-License-Identifier: GPL-3.0-or-later
"""SUREL_BENCH_MESSAGES sets the size of the inbox (10000)."""
import os
import random
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("SUREL_SRCDIR", "."), "tests", "lib"))
import synclab
import tap
from dovecot import Dovecot

COUNT = int(os.environ.get("SUREL_BENCH_MESSAGES", "10000"))
MBSYNC = """IMAPAccount a
Host localhost
Port {port}
User ana
Pass secret
SSLType IMAPS
CertificateFile {ca}

IMAPStore far
Account a

MaildirStore near
Path {path}/
Inbox {path}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
"""


def fill(dovecot, count):
    """A mailbox of the server, written where it keeps it; sizes as in a person's mail: median 5 kB, mean about 9 kB."""
    chance = random.Random(1)
    path = os.path.join(dovecot.dir, "mail", "ana", "Maildir")
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, name))
    line = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod\r\n"
    total = 0
    for i in range(count):
        lines = min(4000, int(chance.lognormvariate(4.1, 1.1)))
        text = (f"From: Orang {i % 97} <orang{i % 97}@contoh.test>\r\nTo: ana@contoh.test\r\nSubject: Surat nomor {i}\r\n"
                f"Message-ID: <bench-{i}@contoh.test>\r\nDate: Mon, 17 Jul 2025 {i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02} +0700\r\n"
                f"In-Reply-To: <bench-{i - i % 5}@contoh.test>\r\nContent-Type: text/plain\r\n\r\n" + line * lines)
        total += len(text)
        name = os.path.join(path, "cur", f"{1700000000 + i}.M{i}P1.host,S={len(text)}:2,{'S' if i % 3 else ''}")
        with open(name, "w", newline="") as file:
            file.write(text)
    if dovecot.root:
        for where, _, files in os.walk(os.path.join(dovecot.dir, "mail")):
            for entry in [where] + [os.path.join(where, f) for f in files]:
                os.chown(entry, dovecot.mail_user.pw_uid, dovecot.mail_user.pw_gid)
    return total


def say(name, value, unit):
    print(f"{name} {value:.3f} {unit}" if isinstance(value, float) else f"{name} {value} {unit}", flush=True)


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(row.split()[1] for row in file if row.startswith("VmHWM")))


def bench_surel(tmp, dovecot, total):
    lab = synclab.Lab(tmp, dovecot.port["imaps"], dovecot.ca)
    lab.env.pop("SUREL_DEBUG")
    start = time.monotonic()
    lab.start()
    lab.worker.wait_frame("CHANGED", lambda v: lab.worker.wait_frame("PROGRESS", lambda p: p["done"] > 0, 60) is not None, 60)
    first = time.monotonic() - start
    lab.sync(timeout=600)
    took = time.monotonic() - start
    tap.eq(sum(m.state == synclab.FULL for m in lab.messages()), COUNT, "messages stored")
    say("imap-first-list", first, "s")
    say("imap-initial-sync", took, "s")
    say("imap-initial-sync-rate", COUNT / took, "messages/s")
    say("imap-initial-sync-bytes", total / took / 1e6, "MB/s")
    say("imap-worker-peak", peak_kb(lab.worker.process.pid) / 1024, "MB")
    start = time.monotonic()
    lab.sync()
    say("imap-no-change-sync", time.monotonic() - start, "s")
    lab.stop()
    start = time.monotonic()
    lab.sync()
    say("imap-no-change-sync-with-start", time.monotonic() - start, "s")
    lab.stop()


def bench_mbsync(tmp, dovecot):
    program = shutil.which("mbsync")
    if not program:
        return
    path = tmp + "/mbsync"
    os.makedirs(path)
    with open(tmp + "/mbsyncrc", "w") as file:
        file.write(MBSYNC.format(port=dovecot.port["imaps"], ca=dovecot.ca, path=path))
    for name in ("initial-sync", "no-change-sync"):
        start = time.monotonic()
        done = subprocess.run([program, "-c", tmp + "/mbsyncrc", "-a"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            tap.note("mbsync: " + done.stdout.decode("utf-8", "replace")[-500:])
            return
        say("mbsync-" + name, time.monotonic() - start, "s")
    say("mbsync-peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, "MB")


def main():
    with tap.temp_dir() as tmp:
        dovecot = Dovecot(tmp)
        total = fill(dovecot, COUNT)
        say("imap-mailbox", total / 1e6, "MB")
        with dovecot:
            dovecot.list("ana")    # the server's own indexes are warm for all
            bench_mbsync(tmp, dovecot)
            bench_surel(tmp, dovecot, total)


if __name__ == "__main__":
    main()
