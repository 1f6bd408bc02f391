# tests/lib/proxy.py: a TCP proxy that cuts, stalls or slows a connection at a chosen byte
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxy = Proxy(server_port); proxy.start(); connect to proxy.port

Plans, for "up" (client to server) and "down" (server to client), hold for new connections:
    proxy.plan("down", cut=1000)        the connection is reset after 1000 bytes from the server
    proxy.plan("up", cut=20, how="fin") closed in order instead
    proxy.plan("down", stall=1000)      nothing more arrives, the connection stays open
    proxy.plan("down", delay=0.02)      each piece comes that much later (latency)
`times`: the plan holds for that many connections, then the proxy is transparent. `count` is the number of connections so far,
`bytes` the totals per direction over all connections."""
import collections
import select
import socket
import struct
import threading
import time

import ports


class Proxy:
    def __init__(self, target_port):
        self.target = target_port
        self.port = ports.free_port()
        self.plans = {"up": {}, "down": {}}
        self.left = None
        self.count = 0
        self.bytes = {"up": 0, "down": 0}
        self.connections = set()
        self.refuse = False

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def plan(self, direction, times=None, **plan):
        self.plans[direction] = plan
        self.left = times
        return self

    def clear(self):
        self.plans = {"up": {}, "down": {}}
        self.left = None
        return self

    def cut_all(self, how="rst"):
        """Every open connection breaks now."""
        for connection in list(self.connections):
            connection.end = how

    def stop(self):
        # shutdown first: it wakes the thread that waits in accept, which would keep the port otherwise
        for action in (lambda: self.listener.shutdown(socket.SHUT_RDWR), self.listener.close):
            try:
                action()
            except OSError:
                pass
        self.cut_all()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            if self.refuse:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            plans = {k: dict(v) for k, v in self.plans.items()}
            if self.left is not None:
                self.left -= 1
                if self.left <= 0:
                    self.clear()
            connection = _Connection(self, client, server, plans)
            self.connections.add(connection)
            threading.Thread(target=connection.run, daemon=True).start()


class _Connection:
    """Both directions in one thread, so that a close really is a reset: close() beside a recv() in another thread is not."""

    def __init__(self, proxy, client, server, plans):
        self.proxy, self.client, self.server = proxy, client, server
        self.flows = [_Flow(client, server, "up", plans["up"]), _Flow(server, client, "down", plans["down"])]
        self.end = None
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self):
        how = "fin"
        try:
            while self.end is None and any(flow.open or flow.waiting for flow in self.flows):
                ready, _, _ = select.select([f.source for f in self.flows if f.open], [], [], self._pause())
                for flow in self.flows:
                    if flow.source in ready:
                        flow.take()
                    how = flow.give(self.proxy) or how
                    if flow.cut_done:
                        return
            how = self.end or how
        except OSError:
            how = "rst"
        finally:
            for s in (self.client, self.server):
                _close(s, self.end or how)
            self.proxy.connections.discard(self)

    def _pause(self):
        due = [flow.waiting[0][0] - time.monotonic() for flow in self.flows if flow.waiting]
        return max(0, min(due + [0.02]))


class _Flow:
    def __init__(self, source, sink, direction, plan):
        self.source, self.sink, self.direction = source, sink, direction
        self.cut, self.stall, self.delay, self.how = plan.get("cut"), plan.get("stall"), plan.get("delay", 0), plan.get("how", "rst")
        self.open, self.cut_done, self.done = True, False, 0
        self.waiting = collections.deque()	# (when, bytes); b"" is the end

    def take(self):
        data = self.source.recv(65536)
        self.open = bool(data)
        self.waiting.append((time.monotonic() + self.delay, data))

    def give(self, proxy):
        """Passes on what is due; how to close when this was the byte of the cut."""
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            data = self.waiting.popleft()[1]
            if not data:
                self.sink.shutdown(socket.SHUT_WR)
                return None
            if self.cut is not None and self.done + len(data) >= self.cut:
                self.sink.sendall(data[:max(0, self.cut - self.done)])
                self.cut_done = True
                return self.how
            room = len(data) if self.stall is None else max(0, self.stall - self.done)
            self.sink.sendall(data[:room])
            self.done += len(data)
            proxy.bytes[self.direction] += len(data)
        return None


def _close(s, how):
    try:
        if how == "rst":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    except OSError:
        pass
