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
MAKE_STORE = os.path.join(os.environ.get("SUREL_BUILDDIR", os.getcwd()), "tests", "bench", "make-store")
KEYS, OPENS = 200, 15


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
    env, label = environment(home), f"{n // 1000}k"
    with open(os.path.join(home, "surel.conf"), "w") as f:
        f.write("[general]\nmouse = no\nindex_mail = no\n[account test]\nfrom = Ana <me@contoh.id>\nincoming = imaps://127.0.0.1:1\nuser = ana\n")
    start = time.monotonic()
    subprocess.run([MAKE_STORE, f"{home}/data", str(n)], check=True, stdout=sys.stderr)
    show(f"made_store_{label}", time.monotonic() - start, "s")
    last = f"subject number {n}".encode()
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
    os.write(terminal.fd, b"\x1bOH")	# Home: the newest are whole
    terminal.quiet(0.3)
    opens = []
    for _ in range(OPENS):
        start = time.monotonic()
        os.write(terminal.fd, b"\r")
        opens.append((terminal.read_until(b"inside") - start) * 1000)
        terminal.quiet(0.2)
        for back in (b"q", b"j"):
            os.write(terminal.fd, back)
            terminal.quiet(0.1)
    show(f"open_message_{label}", statistics.median(opens), "ms")
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
