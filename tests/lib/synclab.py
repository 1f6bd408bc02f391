# tests/lib/synclab.py: one account, a private server, a sync worker under a small supervisor, and a person's hands on the store
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import subprocess

import tap
from frames import Codec, Worker

SRC = os.environ.get("SUREL_SRCDIR", ".")
PROBE = os.path.join(os.environ.get("SUREL_BUILDDIR", "."), "tests/engine/imap-probe")
SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = 1, 2, 4, 8, 16
FULL = 1    # MSG_FULL
STATES = ("connecting", "syncing", "idle", "offline", "auth failed", "sending")
CONNECTING, SYNCING, IDLE, OFFLINE, AUTH_FAILED = range(5)
DONE, RETRY, STOP = 0, 75, 77


class Folder:
    def __init__(self, row):
        self.raw, self.name = row[0], row[1]
        self.role, self.total, self.unread, self.uidvalidity, self.uidnext, self.modseq = (int(x) for x in row[2:8])
        self.messages = []


class Message:
    def __init__(self, row):
        self.uid, self.flags, self.server_flags, self.state = (int(x) for x in row[1:5])
        self.id, self.path, self.subject = row[5], row[6], row[7]

    def bytes(self):
        with open(self.path, "rb") as file:
            return file.read()


class Lab:
    def __init__(self, tmp, port, ca=None, user="ana", password="secret", scheme="imaps", extra="", host="localhost", secret=True):
        self.tmp = os.path.join(tmp, "lab")
        os.makedirs(self.tmp, exist_ok=True)
        self.user = user
        self.env = dict(os.environ, SUREL_CONFIG=self.tmp + "/surel.conf", SUREL_DATA=self.tmp + "/data", XDG_STATE_HOME=self.tmp + "/state",
                        XDG_CONFIG_HOME=self.tmp + "/config", HOME=self.tmp, SUREL_DEBUG="1")
        self.configure(port, ca, password, scheme, extra, host, secret)
        self.codec = Codec(SRC)
        self.worker = None
        self.request = 0

    def configure(self, port, ca=None, password="secret", scheme="imaps", extra="", host="localhost", secret=True):
        with open(self.env["SUREL_CONFIG"], "w") as file:
            file.write(f"[account a]\nfrom = Ana <ana@contoh.test>\nincoming = {scheme}://{self.user}@{host}:{port}\n")
            file.write((f"ca_file = {ca}\n" if ca else "") + (f"password_command = echo '{password}'\n" if secret else "") + extra)

    # ---- the worker ----

    def start(self, wrapper=()):
        self.worker = Worker(self.codec, PROBE, "sync", "a", self.env, wrapper)
        return self.worker

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.worker:
            self.worker.send("QUIT")
            if self.worker.wait_end(5) is None:
                tap.note("the worker had to be killed")
            self.close()

    def close(self):
        self.worker.close()
        output, self.worker = self.worker.output, None
        if output:
            tap.note(output)
        tap.eq([line for line in output.splitlines() if "Sanitizer" in line or "runtime error" in line], [], "sanitizer")

    def kill(self):
        self.worker.kill()
        self.worker.close()
        self.worker = None

    def sync(self, folder="", timeout=60):
        """A full pass to its end."""
        if self.worker is None:
            self.start()
        self.request += 1
        request = self.request
        self.worker.send("SYNC_NOW", request=request, folder=folder)
        end = self.worker.wait_frame("DONE", lambda v: v["request"] == request, timeout)
        if end is None:
            failed = self.worker.wait_frame("FAILED", lambda v: v["request"] == request, 0.1)
            raise AssertionError(f"no DONE for a sync: {failed} {self.states()} {self.log()[-3000:]}")

    def journal_ready(self):
        self.worker.send("JOURNAL_READY", account="a")

    def states(self):
        return [(STATES[v["state"]], v["text"]) for name, v in self.worker.frames if name == "STATE"]

    def wait_state(self, state, timeout=20):
        """The worker's state now, or when it comes; since the last frame looked at."""
        return self.worker.wait_frame("STATE", lambda v: v["state"] == state, timeout)

    def end(self, timeout=20):
        """Exit status and the last state's sentence."""
        status = self.worker.wait_end(timeout)
        text = self.states()[-1][1] if self.states() else ""
        self.close()
        return status, text

    def log(self):
        path = self.tmp + "/state/surel/sync.log"
        return open(path, errors="replace").read() if os.path.exists(path) else ""

    # ---- a person ----

    def act(self, *words, ok=True):
        done = subprocess.run([PROBE, "a", *map(str, words)], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=tap.limit(60), check=False)
        text = done.stdout.decode("utf-8", "replace")
        if ok and done.returncode != 0:
            raise AssertionError(f"{words}: {text}")
        return text

    def dump(self):
        """raw name -> Folder, and the number of pending operations."""
        folders, pending = {}, 0
        for line in self.act("dump").split("\n"):
            row = line.split("\t")
            if row[0] == "folder":
                folders[row[1]] = Folder(row[1:])
            elif row[0] == "msg":
                folders[row[1]].messages.append(Message(row[1:]))
            elif row[0] == "pending":
                pending = int(row[1])
        return folders, pending

    def messages(self, raw="INBOX"):
        return self.dump()[0][raw].messages

    def ids(self, raw="INBOX"):
        return sorted(m.id for m in self.messages(raw))

    def find(self, raw, message_id):
        return next((m for m in self.messages(raw) if m.id == message_id), None)


SERVER_FLAGS = {"\\Seen": SEEN, "\\Answered": ANSWERED, "\\Flagged": FLAGGED, "\\Deleted": DELETED, "\\Draft": DRAFT, "$Forwarded": 32}


def lf(data):
    return data.replace(b"\r\n", b"\n")


def same_as_server(lab, server, folders, user="ana"):
    """Every message of every folder: same UID, flags and bytes on both sides; nothing more, nothing less, nothing pending."""
    ours, pending = lab.dump()
    tap.eq(pending, 0, "pending operations")
    for raw in folders:
        theirs = server.list(user, raw)
        mine = sorted(ours[raw].messages, key=lambda m: m.uid)
        tap.eq([m.uid for m in mine], [uid for uid, _, _ in theirs], f"UIDs of {raw}")
        for message, (uid, flags, data) in zip(mine, theirs):
            want = sum(SERVER_FLAGS.get(f, 0) for f in flags)
            tap.eq((message.flags, message.server_flags), (want, want), f"flags of {raw} {uid}")
            tap.eq(message.state, FULL, f"state of {raw} {uid}")
            tap.eq(lf(message.bytes()), lf(data), f"bytes of {raw} {uid}")
