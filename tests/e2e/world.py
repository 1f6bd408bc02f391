# tests/e2e/world.py: private servers, two accounts and surel in a terminal: what the workflow tests share
# SPDX-License-Identifier: GPL-3.0-or-later
"""with World(tmp) as w: with w.surel() as s: s.wait_for("Halo"); s.keys("<Enter>")

Accounts: kantor (IMAP, user ana) and rumah (POP3, user budi). Mail to @contoh.test is delivered to both."""
import json
import os
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import dovecot  # noqa: E402
import relay  # noqa: E402
import screen  # noqa: E402
import tap  # noqa: E402

message = dovecot.message
FOLDERS = (("Drafts", "\\Drafts"), ("Sent", "\\Sent"), ("Trash", "\\Trash"), ("Archive", "\\Archive"))


class World:
    def __init__(self, tmp, accounts=("kantor", "rumah"), general="", folders=FOLDERS, undo=0, mail=(), passwords=None):
        self.tmp, self.accounts, self.general, self.undo = tmp, accounts, general, undo
        self.home = os.path.join(tmp, "home")
        os.makedirs(self.home, mode=0o700)
        self.relay = relay.Relay()
        self.server = dovecot.Dovecot(tmp, {"ana": "rahasia", "budi": "sandi"}, relay_port=self.relay.port, folders=folders)
        self.passwords = passwords or {"kantor": "rahasia", "rumah": "sandi"}
        self.mail = mail

    def __enter__(self):
        self.server.start()
        self.relay.start(self.server.lmtp, self.server.users)
        for user, messages in dict(self.mail).items():
            self.server.append(user, *messages)
        self.write_config()
        self.editor("printf 'Terima kasih, sampai besok.\\n' > \"$1.new\"; cat \"$1\" >> \"$1.new\"; mv \"$1.new\" \"$1\"")
        return self

    def __exit__(self, *_):
        self.relay.stop()
        self.server.stop()

    # ---- configuration ----

    def write_config(self, extra=""):
        p = self.server.port
        incoming = {"kantor": f"imaps://localhost:{p['imaps']}", "rumah": f"pop3s://localhost:{p['pop3s']}"}
        sender = {"kantor": ("Ana", "ana"), "rumah": ("Budi", "budi")}
        text = f"[general]\nundo_send = {self.undo}\nmouse = no\nshow_threads = no\n{self.general}\n"
        for name in self.accounts:
            person, user = sender[name]
            text += (f"[account {name}]\nfrom = {person} <{user}@contoh.test>\nuser = {user}\nincoming = {incoming[name]}\n"
                     f"outgoing = smtps://localhost:{p['submissions']}\nca_file = {self.server.ca}\npoll = 2 seconds\n")
        with open(os.path.join(self.home, "surel.conf"), "w") as f:
            f.write(text + extra)
        self.write_secrets()

    def write_secrets(self):
        path = os.path.join(self.home, "secrets")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.writelines(f"{name} = {password}\n" for name, password in self.passwords.items())

    def editor(self, script):
        self.editor_path = os.path.join(self.home, "editor")
        with open(self.editor_path, "w") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(self.editor_path, stat.S_IRWXU)

    def env(self):
        env = screen.surel_env(self.home)
        env.update({"VISUAL": self.editor_path, "EDITOR": self.editor_path})
        return env

    # ---- running ----

    def surel(self, *args, columns=100, rows=30):
        return screen.Screen([tap.surel(), *args], env=self.env(), columns=columns, rows=rows, cwd=self.home)

    def run(self, *args, stdin=b"", timeout=60):
        """(status, stdout, stderr) of a command without a screen."""
        env = {**os.environ, **self.env(), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        done = subprocess.run([tap.surel(), *args], env=env, input=stdin, capture_output=True, timeout=tap.limit(timeout), cwd=self.home)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def sync(self, *accounts):
        status, out, err = self.run("sync", *accounts)
        tap.eq(status, 0, f"surel sync: {out} {err}")
        return out

    def search(self, query):
        status, out, err = self.run("search", "--json", query)
        if status not in (0, 1):
            raise AssertionError(f"search {query}: {status} {err}")
        return json.loads(out)

    # ---- servers ----

    def pull_network(self):
        self.server.stop()

    def plug_network(self):
        self.server.start()

    def subjects(self, user, folder="INBOX"):
        import email
        import email.header
        found = []
        for _, _, data in self.server.list(user, folder):
            raw = email.message_from_bytes(data).get("Subject") or ""
            found.append(str(email.header.make_header(email.header.decode_header(raw))))
        return sorted(found)

    def wait_subjects(self, user, folder, wanted, timeout=20):
        end = time.monotonic() + tap.limit(timeout)
        while True:
            found = self.subjects(user, folder)
            if found == sorted(wanted):
                return
            if time.monotonic() > end:
                raise AssertionError(f"{folder} of {user}: got {found}, wanted {sorted(wanted)}")
            time.sleep(0.1)

    def logs(self):
        base = os.path.join(self.home, "state", "surel")
        text = ""
        for name in sorted(os.listdir(base)) if os.path.isdir(base) else []:
            with open(os.path.join(base, name), errors="replace") as f:
                text += f"== {name}\n" + "".join(f.readlines()[-30:])
        return text
