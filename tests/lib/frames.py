# tests/lib/frames.py: the frames between supervisor and workers, read from protocol.def, and a small supervisor for tests
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import re
import select
import signal
import socket
import struct
import subprocess
import time

import tap

IPC_VERSION = 2


def load_protocol(srcdir):
    """[(NAME, [(kind, field)])] in wire order."""
    rows = []
    with open(os.path.join(srcdir, "include/surel/protocol.def"), encoding="utf-8") as file:
        for line in file:
            found = re.match(r"MSG_ROW\((\w+),\s*(\w+),\s*\w+,\s*(.*)\)\s*$", line)
            if found:
                rows.append((found.group(1), re.findall(r"(U32|I64|STR|BYTES)\((\w+)\)", found.group(3))))
    return rows


class Codec:
    def __init__(self, srcdir):
        self.rows = load_protocol(srcdir)
        self.index = {name: i for i, (name, _) in enumerate(self.rows)}

    def encode(self, name, **values):
        number = self.index[name]
        body = struct.pack("<H", number)
        for kind, field in self.rows[number][1]:
            value = values.pop(field, None)
            if kind == "U32":
                body += struct.pack("<I", value or 0)
            elif kind == "I64":
                body += struct.pack("<q", value or 0)
            else:
                data = (value or "").encode() if kind == "STR" else value or b""
                body += struct.pack("<I", len(data)) + data
        assert not values, values
        return struct.pack("<I", len(body)) + body

    def decode(self, body):
        number = struct.unpack_from("<H", body)[0]
        name, fields = self.rows[number]
        at, out = 2, {}
        for kind, field in fields:
            if kind == "I64":
                out[field] = struct.unpack_from("<q", body, at)[0]
                at += 8
                continue
            value = struct.unpack_from("<I", body, at)[0]
            at += 4
            if kind != "U32":
                data = body[at:at + value]
                at += value
                value = data.decode("utf-8", "replace") if kind == "STR" else data
            out[field] = value
        assert at == len(body), (name, at, len(body))
        return name, out


class Worker:
    """A worker process with us as its supervisor."""

    def __init__(self, codec, program, role, account=None, env=None, wrapper=()):
        self.codec = codec
        self.ours, theirs = socket.socketpair()
        self.buffer = b""
        self.frames = []
        argv = list(wrapper) + [program, "--role=" + role] + (["--account=" + account] if account else [])

        def to_three():
            # the child's end becomes fd 3 (dup2 also drops close-on-exec)
            if theirs.fileno() == 3:
                os.set_inheritable(3, True)
            else:
                os.dup2(theirs.fileno(), 3)

        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        pass_fds=(3,) if theirs.fileno() == 3 else (), close_fds=False, preexec_fn=to_three)
        theirs.close()
        self.send("HELLO", version=IPC_VERSION, role=role, account=account or "")

    def send(self, name, **values):
        try:
            self.ours.sendall(self.codec.encode(name, **values))
        except OSError:
            pass

    def poll(self, timeout=0.0):
        """Takes in what came; False at the end of the channel."""
        ready, _, _ = select.select([self.ours], [], [], timeout)
        if not ready:
            return True
        try:
            data = self.ours.recv(65536)
        except OSError:
            data = b""
        self.buffer += data
        while len(self.buffer) >= 4:
            size = struct.unpack_from("<I", self.buffer)[0]
            if len(self.buffer) < 4 + size:
                break
            self.frames.append(self.codec.decode(self.buffer[4:4 + size]))
            self.buffer = self.buffer[4 + size:]
        return bool(data)

    def wait_frame(self, name, test=lambda values: True, timeout=20):
        """The first frame of that name that passes test, since the start; None when it does not come."""
        until = time.monotonic() + tap.limit(timeout)
        while True:
            for frame, values in self.frames:
                if frame == name and test(values):
                    return values
            if time.monotonic() > until or not self.poll(0.05):
                return None

    def wait_end(self, timeout=20):
        """Exit status; negative: signal; None: still running."""
        until = time.monotonic() + tap.limit(timeout)
        while time.monotonic() < until:
            self.poll(0.01)
            if self.process.poll() is not None:
                while self.poll(0.0) and select.select([self.ours], [], [], 0)[0]:
                    pass
                return self.process.returncode
        return None

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        self.output = self.process.stdout.read().decode("utf-8", "replace")
        self.process.stdout.close()
        self.ours.close()
