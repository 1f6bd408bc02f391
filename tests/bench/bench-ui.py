#!/usr/bin/python3
# tests/bench/bench-ui.py: exec to first screen, key to screen, peak memory of each process, at 1 k, 10 k and 100 k messages
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints "name value unit" lines. Usage: bench-ui.py [SIZE...]"""
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
import shutil

SUREL = os.path.abspath(os.environ.get("SUREL") or os.path.join(os.environ.get("SUREL_BUILDDIR", os.getcwd()), "surel"))
KEYS = 200


def make_tree(path, n):
    for name in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, name))
    start = 1700000000
    for i in range(n):
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(start + i * 300))
        parent = f"In-Reply-To: <m{i - i % 4}@bench.test>\n" if i % 4 else ""
        with open(os.path.join(path, "cur", f"{start + i * 300}.M{i}P1.bench:2,{'S' if i % 3 else ''}"), "w") as f:
            f.write(f"From: Orang {i % 97} <orang{i % 97}@bench.test>\nTo: ana@bench.test\nSubject: Surat nomor {i} tentang hal {i % 31}\n"
                    f"Message-ID: <m{i}@bench.test>\n{parent}Date: {date}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
                    f"Isi surat nomor {i}.\nBaris kedua.\n")


class Terminal:
    """Bytes only: an emulator would measure itself."""

    def __init__(self, env):
        self.start = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            os.execve(SUREL, ["surel"], env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def read_until(self, mark, timeout=30):
        seen, end = b"", time.monotonic() + timeout
        while mark not in seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise SystemExit(f"bench-ui: {mark!r} did not come")
            seen += os.read(self.fd, 1 << 16)
        return time.monotonic()

    def quiet(self, seconds):
        while select.select([self.fd], [], [], seconds)[0]:
            os.read(self.fd, 1 << 16)

    def key(self, data):
        """Seconds until the first byte of the new frame."""
        start = time.monotonic()
        os.write(self.fd, data)
        if not select.select([self.fd], [], [], 5)[0]:
            return 5.0
        took = time.monotonic() - start
        self.quiet(0.03)
        return took

    def memory(self):
        rows = {}
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True).stdout.split()
        for pid in [str(self.pid)] + found:
            try:
                with open(f"/proc/{pid}/status") as f:
                    peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    args = f.read().split(b"\0")
            except (OSError, StopIteration):
                continue
            role = next((a[7:].decode() for a in args if a.startswith(b"--role=")), "ui")
            rows[role] = max(rows.get(role, 0), peak)
        return rows

    def end(self):
        os.write(self.fd, b"Q")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                break
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    os.read(self.fd, 1 << 16)
                except OSError:
                    pass
        os.close(self.fd)


def show(name, value, unit):
    print(f"{name} {value:.2f} {unit}" if isinstance(value, float) else f"{name} {value} {unit}", flush=True)


def environment(home):
    env = {k: v for k, v in os.environ.items() if k not in ("LINES", "COLUMNS")}
    env.update({"HOME": home, "SUREL_CONFIG": f"{home}/surel.conf", "SUREL_DATA": f"{home}/data", "XDG_STATE_HOME": f"{home}/state", "TERM": "xterm-256color",
                "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
    return env


def measure(n, home):
    tree, env, label = os.path.join(home, "tree"), environment(home), f"{n // 1000}k"
    make_tree(tree, n)
    with open(os.path.join(home, "surel.conf"), "w") as f:
        f.write(f"[general]\nmouse = no\n[account bench]\nfrom = Ana <ana@bench.test>\nincoming = maildir://{tree}\nuser = ana\n")
    start = time.monotonic()
    done = subprocess.run([SUREL, "sync"], env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench-ui: sync: {done.stdout} {done.stderr}")
    show(f"first_sync_and_index_{label}", time.monotonic() - start, "s")
    last = f"Surat nomor {n - 1}".encode()
    firsts = []
    for _ in range(5):
        terminal = Terminal(env)
        firsts.append((terminal.read_until(last) - terminal.start) * 1000)
        terminal.end()
    show(f"first_screen_{label}", statistics.median(firsts), "ms")
    terminal = Terminal(env)
    terminal.read_until(last)
    terminal.quiet(1)
    times = sorted(terminal.key(b"j" if i % 10 else b"\x04") * 1000 for i in range(KEYS))
    show(f"key_to_screen_median_{label}", statistics.median(times), "ms")
    show(f"key_to_screen_p99_{label}", times[int(KEYS * 0.99) - 1], "ms")
    show(f"jump_to_last_{label}", terminal.key(b"G") * 1000, "ms")
    terminal.quiet(0.3)
    os.write(terminal.fd, b"\r")
    start = time.monotonic()
    terminal.read_until(b"Baris kedua")
    show(f"open_message_{label}", (time.monotonic() - start) * 1000, "ms")
    for role, peak in sorted(terminal.memory().items()):
        show(f"peak_memory_{role}_{label}", peak / 1024, "MB")
    terminal.end()


def main():
    for n in [int(a) for a in sys.argv[1:]] or [1000, 10000, 100000]:
        home = tempfile.mkdtemp(prefix="surel-bench-")
        try:
            measure(n, home)
        finally:
            shutil.rmtree(home, ignore_errors=True)


main()
