# tests/lib/fake_server.py: scripted TCP and TLS servers on 127.0.0.1, and the certificates of their test authority
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time


class Certs:
    """Keys and certificates in folder, made by the openssl program: good (localhost, 127.0.0.1), expired, wronghost, early by our
    authority ca.pem; foreign by another authority; self (signed by itself)."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self.path("ca.pem")
        with open(self.path("index.txt"), "w", encoding="ascii"):
            pass
        for authority in ("ca", "other"):
            self.key(authority)
            self.run("req", "-x509", "-new", "-key", self.path(authority + ".key"), "-days", "30", "-subj", "/CN=Test Authority " + authority,
                     "-out", self.path(authority + ".pem"), "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")
        good = "DNS:localhost,IP:127.0.0.1"
        self.sign("good", "ca", good)
        self.sign("expired", "ca", good, start="200101000000Z", end="210101000000Z")
        self.sign("early", "ca", good, start="490101000000Z", end="491231000000Z")
        self.sign("wronghost", "ca", "DNS:mail.elsewhere.example")
        self.sign("wildcard", "ca", "DNS:*.example.org")
        self.sign("foreign", "other", good)
        self.key("self")
        self.run("req", "-x509", "-new", "-key", self.path("self.key"), "-days", "30", "-subj", "/CN=localhost", "-out", self.path("self.pem"),
                 "-addext", "subjectAltName=" + good)

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def run(*arguments):
        done = subprocess.run(("openssl",) + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise RuntimeError("openssl %s: %s" % (arguments[0], done.stdout.decode()))

    def key(self, name):
        self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path(name + ".key"))

    def sign(self, name, authority, names, start=None, end=None):
        self.key(name)
        self.run("req", "-new", "-key", self.path(name + ".key"), "-subj", "/CN=" + name + ".test", "-out", self.path(name + ".csr"))
        with open(self.path(name + ".cnf"), "w", encoding="ascii") as file:
            file.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\nserial=%s\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n"
                       "unique_subject=no\nrand_serial=yes\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=%s\n"
                       % (self.path("index.txt"), self.folder, self.path("serial"), names))
        dates = ("-startdate", start, "-enddate", end) if start else ("-days", "30")
        self.run("ca", "-batch", "-notext", "-config", self.path(name + ".cnf"), "-cert", self.path(authority + ".pem"),
                 "-keyfile", self.path(authority + ".key"), "-in", self.path(name + ".csr"), "-out", self.path(name + ".pem"), *dates)

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
        return context


class Closed(Exception):
    """The client hung up, or a cut ended this connection."""


class Unexpected(Exception):
    """The client said something that the script does not know."""


class Conn:
    """One client. log holds (direction, bytes). cut_out and cut_in end the connection after that many bytes sent or received."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self.buffer = b""
        self.log = []
        self.sent = self.received = 0
        self.secure = False
        self.ended = False

    def cut(self):
        """A reset, as of a lost route: nothing more is delivered."""
        self.ended = True
        raw = self.sock
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
        except OSError:
            pass
        raise Closed()

    def close(self):
        self.ended = True
        try:
            if self.secure:
                self.sock.settimeout(0.2)
                self.sock.unwrap()
        except (OSError, ValueError):
            pass
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def send(self, data):
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        limit = self.server.cut_out
        if limit is not None and self.sent + len(data) > limit:
            part = data[:max(limit - self.sent, 0)]
            self.push(part)
            if self.server.cut_kind == "stall":
                time.sleep(self.server.stall_s)
                raise Closed()
            if self.server.cut_kind == "fin":
                self.sock.close()
                raise Closed()
            # let the bytes arrive before the reset throws them away
            time.sleep(0.005)
            self.cut()
        self.push(data)

    def push(self, data):
        self.log.append(("S", data))
        self.sent += len(data)
        try:
            self.sock.sendall(data)
        except OSError as problem:
            raise Closed() from problem

    def slowly(self, data, pause):
        for byte in data if isinstance(data, bytes) else data.encode():
            self.send(bytes([byte]))
            time.sleep(pause)

    def fill(self):
        try:
            data = self.sock.recv(65536)
        except OSError as problem:
            raise Closed() from problem
        if not data:
            raise Closed()
        self.log.append(("C", data))
        limit = self.server.cut_in
        if limit is not None and self.received + len(data) >= limit:
            self.buffer += data[:limit - self.received]
            self.received += len(data)
            self.server.received_cut = self.buffer
            self.cut()
        self.received += len(data)
        self.buffer += data

    def line(self):
        """Next line without its CRLF."""
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r")

    def exactly(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def until(self, end):
        while end not in self.buffer:
            self.fill()
        data, self.buffer = self.buffer.split(end, 1)
        return data

    def expect(self, pattern):
        line = self.line()
        found = re.match(pattern.encode() + b"$", line, re.IGNORECASE)
        if not found:
            raise Unexpected("expected %r, got %r" % (pattern, line))
        return found

    def starttls(self, cert="good"):
        # what the client sent in clear behind its STARTTLS would be an injection of its own
        if self.buffer:
            raise Unexpected("bytes before the handshake: %r" % self.buffer)
        self.wrap(cert)

    def wrap(self, cert):
        try:
            self.sock = self.server.certs.context(cert).wrap_socket(self.sock, server_side=True)
        except (ssl.SSLError, OSError) as problem:
            raise Closed() from problem
        self.secure = True

    def play(self, text):
        """A transcript: "S: line" sends it with CRLF, "C: regex" expects a line, "W: seconds" waits, "T: cert" starts TLS,
        "X:" cuts. "S!: text" sends without CRLF and with \\r \\n \\0 \\xNN escapes."""
        for row in text.strip("\n").split("\n"):
            row = row.strip()
            kind, rest = row[:2], row[3:]
            if kind == "S:":
                self.send(rest + "\r\n")
            elif kind == "S!":
                self.send(row[4:].encode().decode("unicode_escape").encode("latin-1"))
            elif kind == "C:":
                self.expect(rest)
            elif kind == "W:":
                time.sleep(float(rest))
            elif kind == "T:":
                self.starttls(rest or "good")
            elif kind == "X:":
                self.cut()


class FakeServer:
    """Runs script(conn) in a thread per client. tls: name of the certificate for TLS from the first byte, or None."""

    def __init__(self, script, certs=None, tls=None, host="127.0.0.1"):
        self.script = script
        self.certs = certs
        self.tls = tls
        self.cut_out = self.cut_in = None
        self.cut_kind = "reset"
        self.stall_s = 5
        self.received_cut = b""
        self.conns = []
        self.problems = []
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(60)
            conn = Conn(self, sock)
            self.conns.append(conn)
            thread = threading.Thread(target=self.serve, args=(conn,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, conn):
        try:
            if self.tls:
                conn.wrap(self.tls)
            if isinstance(self.script, str):
                conn.play(self.script)
            else:
                self.script(conn)
        except Closed:
            pass
        except Unexpected as problem:
            self.problems.append(str(problem))
        finally:
            if not conn.ended:
                conn.close()

    def said(self):
        """All that the clients sent, for a look in the test."""
        return b"".join(data for conn in self.conns for who, data in conn.log if who == "C")

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for thread in self.threads:
            thread.join(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
