#!/usr/bin/python3
# tests/bench/bench-pop3.py: downloading a POP3 mailbox, beside mpop and fetchmail
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: bench-pop3.py [MESSAGES] [DELAY_MS]   prints "name value unit" lines; the delay is added in each direction"""
import os
import pwd
import resource
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import proxy			# noqa: E402
import tap			# noqa: E402
from dovecot import Dovecot, message	# noqa: E402

PROBE = os.path.join(os.environ.get("SUREL_BUILDDIR", "."), "tests", "engine", "pop3-probe")


def fill(server, n):
    """Straight into the Maildir: APPEND of thousands takes its time."""
    cur = os.path.join(server.dir, "mail", "ana", "Maildir", "cur")
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(os.path.dirname(cur), name), exist_ok=True)
    for i in range(n):
        body = "Sebuah baris yang cukup panjang untuk sebuah surat biasa, dan tidak lebih.\n" * (8 + i * 7919 % 80)
        with open(os.path.join(cur, f"{1700000000 + i}.M{i}.bench:2,"), "wb") as f:
            f.write(message(subject=f"Pesan {i}", message_id=f"<b{i}@contoh.test>", body=body))
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        for root, dirs, files in os.walk(os.path.join(server.dir, "mail")):
            for name in dirs + files:
                os.chown(os.path.join(root, name), user.pw_uid, user.pw_gid)


def measure(name, command, env, count, tmp):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    run = subprocess.run(command, env=env, capture_output=True, text=True, cwd=tmp)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode not in (0, 1):
        tap.note(run.stdout[-500:] + run.stderr[-500:])
    got = count()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{name}-wall {seconds:.3f} s\n{name}-cpu {cpu:.3f} s\n{name}-rate {got / seconds:.0f} messages/s", flush=True)
    return seconds


def files_below(path):
    return sum(1 for root, _, names in os.walk(path) for _ in names if os.path.basename(root) in ("cur", "new"))


def surel(tmp, port, ca, leave):
    home = os.path.join(tmp, "surel-" + leave)
    os.makedirs(home)
    with open(os.path.join(home, "surel.conf"), "w") as f:
        f.write(f"[account a]\nuser = ana\nincoming = pop3s://localhost:{port}\nleave_on_server = {leave}\npassword_command = echo rahasia\nca_file = {ca}\n")
    env = {**os.environ, "SUREL_CONFIG": os.path.join(home, "surel.conf"), "SUREL_DATA": os.path.join(home, "data"), "HOME": home, "XDG_STATE_HOME": home + "/state"}
    measure("pop3-surel", [PROBE, "a", "sync"], env, lambda: files_below(home), tmp)
    measure("pop3-surel-no-news", [PROBE, "a", "sync"], env, lambda: files_below(home), tmp)


def mpop(tmp, port, ca):
    home = os.path.join(tmp, "mpop")
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(home, "Maildir", name))
    config = os.path.join(home, "mpoprc")
    with open(config, "w") as f:
        f.write(f"defaults\ntls on\ntls_starttls off\ntls_trust_file {ca}\nkeep on\naccount a\nhost localhost\nport {port}\nuser ana\npassword rahasia\n"
                f"delivery maildir {home}/Maildir\nuidls_file {home}/uidls\nreceived_header off\naccount default : a\n")
    os.chmod(config, 0o600)
    for name in ("pop3-mpop", "pop3-mpop-no-news"):
        measure(name, ["mpop", "-q", "-C", config], {**os.environ, "HOME": home}, lambda: files_below(home), tmp)


def fetchmail(tmp, port, ca):
    home = os.path.join(tmp, "fetchmail")
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(home, "Maildir", name))
    deliver = os.path.join(home, "deliver")
    with open(deliver, "w") as f:
        f.write(f"#!/bin/sh\nf=$(date +%s).$$.x\ncat >{home}/Maildir/tmp/$f && mv {home}/Maildir/tmp/$f {home}/Maildir/new/$f\n")
    os.chmod(deliver, 0o755)
    config = os.path.join(home, "fetchmailrc")
    with open(config, "w") as f:
        f.write(f"set no bouncemail\npoll localhost service {port} proto pop3 uidl user ana password rahasia ssl sslcertfile {ca} keep mda {deliver}\n")
    os.chmod(config, 0o600)
    measure("pop3-fetchmail", ["fetchmail", "-s", "-f", config], {**os.environ, "HOME": home, "FETCHMAILHOME": home}, lambda: files_below(home), tmp)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    delay = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0
    with tap.temp_dir() as tmp, Dovecot(tmp, {"ana": "rahasia"}) as server:
        fill(server, n)
        with server.box("ana") as box:
            box.noop()	# the first index of the server is not ours to pay for
        with proxy.Proxy(server.port["pop3s"]) as middle:
            middle.plan("down", delay=delay).plan("up", delay=delay)
            port = middle.port if delay else server.port["pop3s"]
            if shutil.which("mpop"):
                mpop(tmp, port, server.ca)
            surel(tmp, port, server.ca, "yes")
            if n <= 2000 and shutil.which("fetchmail"):
                fetchmail(tmp, port, server.ca)


if __name__ == "__main__":
    main()
