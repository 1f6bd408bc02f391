# tests/lib/relay.py: the other side of submission: an SMTP server that delivers to Dovecot's LMTP socket
# SPDX-License-Identifier: GPL-3.0-or-later
"""relay = Relay(); server = Dovecot(tmp, users, relay_port=relay.port); relay.start(server.lmtp, server.users)

Dovecot's submission service passes messages to this server, which hands them to LMTP for known recipients and refuses unknown
ones with 550. Runs in a thread with its own event loop. `deliveries` records (recipient, Message-ID, bytes) of what was accepted;
`refuse` maps an address to a reply such as b"450 4.2.0 Try later"; `relay.lose_reply = True` drops the connection instead of the
final 250 (the message is delivered all the same). `made_up`: domains whose other addresses are accepted too; their mail goes
nowhere but into `deliveries`. `answers`: address -> (name, text) of the message that comes back from it after
`answer_after` seconds."""
import asyncio
import email
import email.message
import email.policy
import email.utils
import re
import threading

import ports


class Relay:
    def __init__(self):
        self.port = ports.free_port()
        self.deliveries = []
        self.refuse = {}
        self.lose_reply = False
        self.made_up = set()
        self.answers = {}
        self.answer_after = 3
        self.thread = self.loop = None

    def start(self, lmtp, users, domains=None):
        """lmtp: path of the socket, or None to record only. users: names (local parts) that exist. domains: None is any."""
        self.lmtp, self.users, self.domains = lmtp, users, domains
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        if not ready.wait(60):
            raise RuntimeError("the relay did not start")
        return self

    def stop(self):
        if self.loop:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
            self.loop = None

    def message_ids(self, recipient=None):
        return sorted(i for r, i, _ in self.deliveries if recipient in (None, r))

    def _run(self, ready):
        self.loop = loop = asyncio.new_event_loop()
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20))
        ready.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def _serve(self, reader, writer):
        try:
            await Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError):
            pass
        finally:
            writer.close()

    def verdict(self, address):
        """Reply to RCPT for an address."""
        if address in self.refuse:
            return self.refuse[address]
        if not self.has_mailbox(address) and address.rpartition("@")[2].lower() not in self.made_up:
            return b"550 5.1.1 No such person here"
        return b"250 2.1.5 OK"

    def has_mailbox(self, address):
        local, _, domain = address.lower().rpartition("@")
        return local.split("+")[0] in {u.lower() for u in self.users} and (not self.domains or domain in self.domains)

    def answer_later(self, sender, recipients, data):
        for recipient in recipients:
            text = self.answers.get(recipient.lower())
            if text and self.has_mailbox(sender):
                self.loop.call_later(self.answer_after, lambda r=recipient, t=text: self.loop.create_task(
                    deliver(self.lmtp, r, [sender], answer(r, sender, data, t))))


class Session:
    def __init__(self, relay, reader, writer):
        self.relay, self.reader, self.writer = relay, reader, writer
        self.reset()

    def reset(self):
        self.sender, self.recipients, self.chunks = None, [], []

    async def say(self, line):
        self.writer.write(line + b"\r\n")
        await self.writer.drain()

    async def run(self):
        await self.say(b"220 relay.test ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\n")).rstrip(b"\r\n")
            verb, _, rest = line.partition(b" ")
            verb = verb.upper()
            if verb == b"QUIT":
                return await self.say(b"221 2.0.0 Bye")
            handler = getattr(self, "do_" + verb.decode("ascii", "replace").lower(), None)
            if handler is None:
                await self.say(b"502 5.5.1 What?")
            elif await handler(rest) is False:
                return

    async def do_ehlo(self, _):
        self.reset()
        for line in (b"250-relay.test", b"250-8BITMIME", b"250-SMTPUTF8", b"250-PIPELINING", b"250-CHUNKING", b"250-ENHANCEDSTATUSCODES",
                     b"250-DSN", b"250-VRFY", b"250 SIZE 52428800"):
            await self.say(line)

    async def do_helo(self, _):
        await self.say(b"250 relay.test")

    async def do_xclient(self, _):
        await self.say(b"220 relay.test ESMTP")

    async def do_rset(self, _):
        self.reset()
        await self.say(b"250 2.0.0 OK")

    async def do_noop(self, _):
        await self.say(b"250 2.0.0 OK")

    async def do_vrfy(self, _):
        await self.say(b"252 2.3.3 Try RCPT")

    async def do_mail(self, rest):
        self.reset()
        self.sender = _address(rest)
        await self.say(b"250 2.1.0 OK")

    async def do_rcpt(self, rest):
        address = _address(rest)
        reply = self.relay.verdict(address)
        if reply.startswith(b"2"):
            self.recipients.append(address)
        await self.say(reply)

    async def do_data(self, _):
        if not self.recipients:
            return await self.say(b"554 5.5.1 No valid recipients")
        await self.say(b"354 Go on")
        lines = []
        while True:
            line = await self.reader.readuntil(b"\n")
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return await self.accept(b"".join(lines))

    async def do_bdat(self, rest):
        words = rest.split()
        self.chunks.append(await self.reader.readexactly(int(words[0])))
        if len(words) > 1 and words[1].upper() == b"LAST":
            return await self.accept(b"".join(self.chunks))
        return await self.say(b"250 2.0.0 OK")

    async def accept(self, data):
        known = [r for r in self.recipients if self.relay.has_mailbox(r)]
        match = re.search(rb"(?im)^message-id:\s*(<[^>]*>)", data.split(b"\r\n\r\n")[0])
        rows = [(recipient, match.group(1).decode("utf-8", "replace") if match else "", data) for recipient in self.recipients]
        # before the delivery: a test that sees the message in a mailbox must find it here too
        self.relay.deliveries.extend(rows)
        if self.relay.lmtp and known:
            reply = await deliver(self.relay.lmtp, self.sender, known, data)
            if not reply.startswith(b"2"):
                for row in rows:
                    self.relay.deliveries.remove(row)
                return await self.say(b"451 4.3.0 " + reply[:200])
        self.relay.answer_later(self.sender, self.recipients, data)
        self.reset()
        if self.relay.lose_reply:
            return False
        return await self.say(b"250 2.0.0 Accepted")


async def deliver(socket_path, sender, recipients, data):
    """One LMTP transaction; the first bad reply, or the last good one."""
    reader, writer = await asyncio.open_unix_connection(socket_path)

    async def reply():
        while True:
            line = await reader.readline()
            if not line or line[3:4] != b"-":
                return line.strip()

    async def ask(line):
        writer.write(line + b"\r\n")
        await writer.drain()
        return await reply()

    try:
        await reply()
        answer = await ask(b"LHLO relay.test")
        lines = [b"MAIL FROM:<" + sender.encode() + b">"] + [b"RCPT TO:<" + r.encode() + b">" for r in recipients] + [b"DATA"]
        for line in lines:
            answer = await ask(line)
            if answer[:1] not in (b"2", b"3"):
                return answer or b"451 LMTP went away"
        stuffed = re.sub(rb"(?m)^\.", b"..", data)
        writer.write(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        await writer.drain()
        for _ in recipients:
            answer = await reply()
            if not answer.startswith(b"2"):
                return answer or b"451 LMTP went away"
        return answer
    finally:
        writer.close()


def _address(rest):
    match = re.search(rb":\s*<([^>]*)>", rest)
    return match.group(1).decode("utf-8", "replace") if match else ""


def answer(sender, recipient, data, text):
    """The answer (RFC 5322 3.6.4, RFC 3834) of sender to a message, as bytes."""
    question = email.message_from_bytes(data, policy=email.policy.default)
    names = {address.lower(): name for name, address in email.utils.getaddresses([str(v) for h in ("To", "Cc") for v in question.get_all(h, [])])}
    subject, number = str(question["Subject"] or ""), str(question["Message-ID"] or "")
    reply = email.message.EmailMessage(policy=email.policy.SMTP)
    reply["From"] = email.utils.formataddr((names.get(sender.lower()) or text[0], sender))
    reply["To"] = str(question["From"] or recipient)
    reply["Subject"] = subject if subject.lower().startswith("re:") else "Re: " + subject
    reply["Date"] = email.utils.localtime()
    reply["Message-ID"] = email.utils.make_msgid(domain=sender.rpartition("@")[2])
    if number:
        reply["In-Reply-To"] = number
        reply["References"] = (str(question["References"] or "") + " " + number).strip()
    reply["Auto-Submitted"] = "auto-replied"
    reply.set_content(text[1])
    return reply.as_bytes()


def parse(data):
    return email.message_from_bytes(data)
