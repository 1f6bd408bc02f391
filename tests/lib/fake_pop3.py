# tests/lib/fake_pop3.py: a POP3 server in the test, with every habit a bad server may have
# SPDX-License-Identifier: GPL-3.0-or-later
"""server = FakePop3([b"From: ...", ...]); server.port; server.log has the commands; server.messages what is left after QUIT.

Habits are attributes, set before the client connects:
    capa      lines of CAPA, or None for -ERR          uidl, top     False: -ERR
    uidls     {index: uidl} instead of the usual ones  list_lines, uidl_lines  raw lines instead of the listing
    retr      {index: raw bytes} sent instead          retr_err      set of indexes refused with -ERR
    quit      "ok", "err", "eof": what QUIT does; only "ok" deletes, "eof_late" deletes and hangs up
    pass_reply   reply to PASS
Indexes are of self.messages at the start, which never change."""
import hashlib
import socket
import threading

import ports


class FakePop3:
    def __init__(self, messages, user="ana", password="rahasia"):
        self.stock = dict(enumerate(messages))
        self.left = set(self.stock)
        self.user, self.password = user, password
        self.capa = ["TOP", "UIDL", "USER", "PIPELINING"]
        self.uidl = self.top = True
        self.uidls, self.retr, self.retr_err = {}, {}, set()
        self.list_lines = self.uidl_lines = None
        self.quit = "ok"
        self.pass_reply = b"+OK"
        self.greeting = b"+OK ready"
        self.log, self.sessions, self.errors = [], 0, []
        self.port = ports.free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def messages(self):
        return [self.stock[i] for i in sorted(self.left)]

    def add(self, message):
        index = len(self.stock)
        self.stock[index] = message
        self.left.add(index)

    def stop(self):
        for action in (lambda: self.listener.shutdown(socket.SHUT_RDWR), self.listener.close):
            try:
                action()
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.sessions += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            try:
                Session(self, client).run()
            except OSError:
                pass

    def uidl_of(self, index):
        return self.uidls.get(index, "u" + hashlib.sha256(self.stock[index]).hexdigest()[:12] + str(index))


def wire(message):
    """A message as RETR shows it: CRLF, stuffed, with the final dot."""
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


class Session:
    def __init__(self, server, client):
        self.server, self.client = server, client
        self.file = client.makefile("rb")
        self.numbers = {i + 1: index for i, index in enumerate(sorted(server.left))}
        self.marked = set()

    def say(self, data):
        self.client.sendall(data)

    def run(self):
        self.say(self.server.greeting + b"\r\n")
        while True:
            line = self.file.readline()
            if not line:
                return
            words = line.decode("latin-1").split()
            verb = words[0].upper() if words else ""
            self.server.log.append("PASS" if verb == "PASS" else line.decode("latin-1").strip())
            handler = getattr(self, "do_" + verb.lower(), None)
            if handler is None:
                self.say(b"-ERR what?\r\n")
            elif handler(words[1:]) is False:
                return

    def rows(self, lines):
        self.say(b"+OK\r\n" + b"".join(line if isinstance(line, bytes) else line.encode() + b"\r\n" for line in lines) + b".\r\n")

    def do_capa(self, _):
        self.rows(self.server.capa) if self.server.capa is not None else self.say(b"-ERR no CAPA\r\n")

    def do_user(self, _):
        self.say(b"+OK\r\n")

    def do_pass(self, _):
        self.say(self.server.pass_reply + b"\r\n")

    def do_stat(self, _):
        self.say(b"+OK %d 1000\r\n" % len(self.numbers))

    def do_list(self, _):
        default = [f"{n} {len(wire(self.server.stock[i])) - 3}" for n, i in self.numbers.items()]
        self.rows(default if self.server.list_lines is None else self.server.list_lines)

    def do_uidl(self, _):
        if not self.server.uidl:
            return self.say(b"-ERR no UIDL\r\n")
        default = [f"{n} {self.server.uidl_of(i)}" for n, i in self.numbers.items()]
        return self.rows(default if self.server.uidl_lines is None else self.server.uidl_lines)

    def do_top(self, words):
        if not self.server.top or int(words[0]) not in self.numbers:
            return self.say(b"-ERR no TOP\r\n")
        head = self.server.stock[self.numbers[int(words[0])]].replace(b"\r\n", b"\n").split(b"\n\n")[0]
        return self.say(b"+OK\r\n" + wire(head + b"\n\n"))

    def do_retr(self, words):
        index = self.numbers.get(int(words[0]))
        if index is None or index in self.server.retr_err:
            return self.say(b"-ERR no such message\r\n")
        if index in self.server.retr:
            self.say(self.server.retr[index])
            return not self.server.retr[index].endswith(b"<EOF>")
        return self.say(b"+OK\r\n" + wire(self.server.stock[index]))

    def do_dele(self, words):
        self.marked.add(self.numbers[int(words[0])])
        self.say(b"+OK\r\n")

    def do_noop(self, _):
        self.say(b"+OK\r\n")

    def do_quit(self, _):
        if self.server.quit in ("ok", "eof_late"):
            self.server.left -= self.marked
        if self.server.quit == "ok":
            self.say(b"+OK\r\n")
        elif self.server.quit == "err":
            self.say(b"-ERR messages not deleted\r\n")
        return False
