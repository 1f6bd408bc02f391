# tests/lib/screen.py: a program in a pseudo-terminal, its screen emulated by pyte
# SPDX-License-Identifier: GPL-3.0-or-later
"""screen = Screen([surel], env={...}); screen.wait_for("Inbox"); screen.keys("j", "<Enter>"); screen.kill()"""
import codecs
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import tap

try:
    import pyte
except ImportError:
    pyte = None

if pyte:
    class Terminal(pyte.Screen):
        """pyte with what ncurses sends to xterm-256color beyond it: scroll up and down (SU, SD), repeat (REP)."""
        last = " "

        def draw(self, data):
            self.last = data[-1:] or self.last
            super().draw(data)

        def _scroll(self, row, step, count):
            top, bottom = self.margins or (0, self.lines - 1)
            before, self.cursor.y = self.cursor.y, bottom if row == "bottom" else top
            for _ in range(min(count or 1, self.lines)):
                step()
            self.cursor.y = before

        def scroll_up(self, count=1, **_):
            self._scroll("bottom", self.index, count)

        def scroll_down(self, count=1, **_):
            self._scroll("top", self.reverse_index, count)

        def select_graphic_rendition(self, *attributes, private=False):
            if not private:		# CSI > m is about keys, not colours
                super().select_graphic_rendition(*attributes)

        def repeat(self, count=1, **_):
            self.draw(self.last * min(count or 1, self.columns))

    class TerminalStream(pyte.Stream):
        csi = dict(pyte.Stream.csi, S="scroll_up", T="scroll_down", b="repeat")
        events = pyte.Stream.events | {"scroll_up", "scroll_down", "repeat"}

NAMES = {
    "Enter": "\r", "Esc": "\x1b", "Tab": "\t", "BackTab": "\x1b[Z", "Backspace": "\x7f", "Space": " ", "Up": "\x1bOA", "Down": "\x1bOB",
    "Right": "\x1bOC", "Left": "\x1bOD", "Home": "\x1bOH", "End": "\x1bOF", "Insert": "\x1b[2~", "Delete": "\x1b[3~", "PageUp": "\x1b[5~",
    "PageDown": "\x1b[6~", "F1": "\x1bOP", "F2": "\x1bOQ", "F3": "\x1bOR", "F4": "\x1bOS", "F5": "\x1b[15~", "F10": "\x1b[21~", "lt": "<",
}

# What a terminal program may write: CSI and charset sequences, keypad modes, save and restore, OSC 0/2 (title), 8 (links), 52 (clipboard).
ALLOWED = re.compile(
    rb"\x1b\[[0-9;:?>=!]*[ -/]*[@-~]|\x1b[()][0AB]|\x1b[=>78MDEHc]|\x1b\](?:0|2|8|52|10|11|112|104)[;0-9][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\](?:112|104)(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\")


def key_bytes(key):
    """"<C-x>", "<Enter>", "<A-f>" or plain text as what a keyboard sends."""
    match = re.fullmatch(r"<([^<>]+)>", key)
    if not match:
        return key.encode()
    name = match.group(1)
    if name in NAMES:
        return NAMES[name].encode()
    if re.fullmatch(r"C-.", name):
        return bytes([ord(name[2].upper()) & 0x1f])
    if re.fullmatch(r"[AM]-.+", name):
        rest = name[2:]
        return b"\x1b" + (NAMES[rest].encode() if rest in NAMES else rest.encode())
    raise ValueError(f"no key {key}")


class Screen:
    def __init__(self, command, env=None, columns=100, rows=30, cwd=None, term="xterm-256color"):
        if pyte is None:
            tap.skip("python3-pyte is not installed")
        self.columns, self.rows = columns, rows
        self.screen = Terminal(columns, rows)
        self.stream = TerminalStream(self.screen)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.raw = bytearray()
        self.status = None
        environment = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LINES", "COLUMNS", "TMUX")}
        environment.update({"TERM": term, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "ESCDELAY": "25"})
        environment.update(env or {})
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # as a terminal starts programs: a test in the background of a script was told to ignore Ctrl-C
                for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP, signal.SIGPIPE):
                    signal.signal(number, signal.SIG_DFL)
                if cwd:
                    os.chdir(cwd)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execvpe(command[0], command, environment)
            except OSError as error:
                os.write(2, f"{command[0]}: {error}\n".encode())
            os._exit(127)
        self._size(rows, columns)

    # ---- input ----

    def keys(self, *keys):
        for key in keys:
            self.write(key_bytes(key))
        return self

    def type(self, text):
        self.write(text.encode())
        return self

    def write(self, data):
        while data:
            try:
                data = data[os.write(self.fd, data):]
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
            self.pump(0)

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.screen.resize(rows, columns)
        self._size(rows, columns)

    def _size(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- output ----

    def pump(self, timeout=0.02):
        """Feeds what the program wrote; false at its end."""
        readable, _, _ = select.select([self.fd], [], [], timeout)
        if not readable:
            return self.status is None
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self._reap(os.WNOHANG)
            return False
        self.raw += data
        self.stream.feed(self.decoder.decode(data))
        return True

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def dump(self):
        return "\n".join("|" + line for line in self.lines()) + f"\n(cursor {self.screen.cursor.y},{self.screen.cursor.x})"

    def wait_for(self, what, timeout=10):
        """Until text (or a compiled pattern, or a predicate of this object) is on the screen; returns the screen's text."""
        end = time.monotonic() + tap.limit(timeout)
        while True:
            if self._matches(what):
                return self.text()
            alive = self.pump()
            if self._matches(what):
                return self.text()
            if not alive:
                raise AssertionError(f"the program ended ({self.status}) before {what!r} appeared:\n{self.dump()}")
            if time.monotonic() > end:
                raise AssertionError(f"{what!r} did not appear within {tap.limit(timeout):g} s:\n{self.dump()}")

    def wait_gone(self, what, timeout=10):
        return self.wait_for(lambda s: not s._matches(what), timeout)

    def _matches(self, what):
        if callable(what):
            return what(self)
        if hasattr(what, "search"):
            return what.search(self.text())
        return what in self.text()

    def settle(self, quiet=0.15, timeout=5):
        """Until nothing was written for quiet seconds."""
        end, size, since = time.monotonic() + timeout, -1, time.monotonic()
        while time.monotonic() < end:
            if not self.pump():
                break
            if len(self.raw) != size:
                size, since = len(self.raw), time.monotonic()
            elif time.monotonic() - since >= quiet:
                break
        return self.text()

    def row_of(self, text):
        """Number of the first line with this text, or None."""
        return next((i for i, line in enumerate(self.screen.display) if text in line), None)

    def cell(self, row, column):
        """pyte's Char: data, fg, bg, bold, reverse ..."""
        return self.screen.buffer[row][column]

    def odd_escapes(self):
        """Control bytes and sequences in the raw output that no terminal program of ours has a reason to write."""
        rest = ALLOWED.sub(b"", bytes(self.raw))
        odd = re.findall(rb"\x1b.{0,20}|[\x00-\x06\x10-\x1a\x1c-\x1f\x7f]", rest, re.S)
        odd += [c.encode() for c in re.findall("[\u0080-\u009f\u202a-\u202e\u2066-\u2069]", rest.decode("utf-8", "replace"))]
        return odd

    # ---- end ----

    def _reap(self, flags=0):
        if self.status is None:
            try:
                pid, status = os.waitpid(self.pid, flags)
            except ChildProcessError:
                self.status = -1
                return
            if pid:
                self.status = os.waitstatus_to_exitcode(status)

    def alive(self):
        self._reap(os.WNOHANG)
        return self.status is None

    def wait_end(self, timeout=10):
        """Exit status; the program must end by itself."""
        end = time.monotonic() + tap.limit(timeout)
        while self.alive():
            self.pump()
            if time.monotonic() > end:
                raise AssertionError(f"still running after {tap.limit(timeout):g} s:\n{self.dump()}")
        return self.status

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            os.kill(self.pid, number)
            end = time.monotonic() + 5
            while self.alive() and time.monotonic() < end:
                self.pump(0.01)
            if self.alive():
                os.kill(self.pid, signal.SIGKILL)
                self._reap()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def surel_env(home, config=None, data=None):
    """Environment in which surel touches nothing outside home."""
    return {"HOME": home, "SUREL_CONFIG": config or os.path.join(home, "surel.conf"), "SUREL_DATA": data or os.path.join(home, "data"),
            "XDG_STATE_HOME": os.path.join(home, "state"), "XDG_CONFIG_HOME": os.path.join(home, "config"),
            "XDG_DATA_HOME": os.path.join(home, "share"), "XDG_CACHE_HOME": os.path.join(home, "cache")}
